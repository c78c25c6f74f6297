"""The box: cameras, engine, store, pages and processes; the one place that assembles the rest."""
