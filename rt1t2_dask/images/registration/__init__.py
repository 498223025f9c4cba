"""Registration: poses, rigid, affine and diffeomorphic transforms."""
