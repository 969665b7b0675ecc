import sys

from scripts.private_engine.cli import main

sys.exit(main())
