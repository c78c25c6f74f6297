"""What comes down from the centre to a box: documents that are kept, calls that are answered."""
