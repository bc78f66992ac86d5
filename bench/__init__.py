"""The README's figures, each measured by one command, beside a peer where there is one."""
