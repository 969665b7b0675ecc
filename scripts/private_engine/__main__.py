import sys

from private_engine.cli import main

sys.exit(main())
