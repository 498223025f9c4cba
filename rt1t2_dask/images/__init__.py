"""Image steps for one subject: numpy and ITK, no I/O, no Dask."""
