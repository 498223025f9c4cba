"""One brain extraction by deepbet in a process of its own: torch holds the GIL and much memory."""

from pathlib import Path

import nibabel as nib
import numpy as np

WEIGHTS = ("data/models/model.pt", "data/models/bbox_model.pt")


def main() -> None:
    """Mask t1w.nii and write mask.nii, on one thread of the processor."""
    import torch
    from deepbet import BrainExtraction

    torch.set_num_threads(1)
    found = BrainExtraction(no_gpu=True).run(nib.Nifti1Image.from_filename("t1w.nii"))[1]
    data = np.asarray(found.dataobj).astype(np.uint8)
    Path("mask.nii").write_bytes(nib.Nifti1Image(data, found.affine).to_bytes())


if __name__ == "__main__":
    main()
