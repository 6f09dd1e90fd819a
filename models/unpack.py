#!/usr/bin/env python3
"""Take files out of a downloaded archive.  Python standard library only.

    unpack.py unzip ARCHIVE DIR      every member below DIR
    unpack.py copy FILE TARGET
"""
import pathlib
import shutil
import sys
import zipfile


def unzip(archive, folder):
    root = pathlib.Path(folder).resolve()
    with zipfile.ZipFile(archive) as z:
        for name in z.namelist():
            if not (root / name).resolve().is_relative_to(root):
                sys.exit(f"{archive}: member {name!r} leaves the folder")
        z.extractall(root)


def main(args):
    match args:
        case ["unzip", archive, folder]:
            unzip(archive, folder)
        case ["copy", source, target]:
            shutil.copyfile(source, target)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
