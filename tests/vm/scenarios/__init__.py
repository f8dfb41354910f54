"""What is recorded: scenario names and what builds them."""

from . import links, tunnels

ALL = {**tunnels.ALL, **links.ALL}
