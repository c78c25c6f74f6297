"""The car park on the box: what cameras and feeds say, into sessions, decisions, the books and the screen."""
