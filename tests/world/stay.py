"""A world that stays until somebody ends it: prints where its storage is, and a word when it was torn down.

python -m tests.world.stay FOLDER
"""

import sys
import threading
from pathlib import Path

from local.world import World

if __name__ == "__main__":
    try:
        with World(Path(sys.argv[1])) as world:
            print(world.azurite.blob_url, world.azurite.queue_url, flush=True)  # noqa: T201
            threading.Event().wait(60)
    finally:
        print("torn down")  # noqa: T201
