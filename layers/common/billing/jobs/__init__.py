"""Background jobs: long work that goes on slice by slice, whatever happens in between."""
