"""Statistics on the vertices of surface meshes: clusters, TFCE, tables and smoothness."""
