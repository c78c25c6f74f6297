"""The box's pages and API, served by the main process."""
