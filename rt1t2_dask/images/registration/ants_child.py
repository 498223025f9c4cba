"""One ANTs registration in a process of its own: it holds the GIL and cannot be interrupted."""

import sys
from pathlib import Path

import nibabel as nib

SEED = 20250501


def main(arguments: list[str]) -> None:
    """Register moving.nii to fixed.nii from affine.txt and write warp.nii.

    Parameters
    ----------
    arguments : list of str
        Radius of the metric, then the iterations of each level.
    """
    import ants

    ants.config.set_ants_deterministic(True, SEED)
    radius, *iterations = map(int, arguments)
    masks = {}
    if Path("usable.nii").exists():
        masks["moving_mask"] = ants.image_read("usable.nii")
    made = ants.registration(
        ants.image_read("fixed.nii"),
        ants.image_read("moving.nii"),
        type_of_transform="SyNOnly",
        initial_transform=["affine.txt"],
        outprefix="syn_",
        syn_metric="CC",
        syn_sampling=radius,
        reg_iterations=tuple(iterations),
        **masks,
    )
    warp = next(name for name in made["fwdtransforms"] if name.endswith("Warp.nii.gz"))
    nib.save(nib.load(warp), "warp.nii")


if __name__ == "__main__":
    main(sys.argv[1:])
