"""What a build would send: the ignore rules, the walk, and what should not be there.

Standard library only, so that `docker_build` can ask in a thread and without cost.
"""

from dockertools.context.facts import ContextFacts, ContextSummary
from dockertools.context.inspect import inspect_context, summarize_context

__all__ = ["ContextFacts", "ContextSummary", "inspect_context", "summarize_context"]
