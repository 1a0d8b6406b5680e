"""The front desk's pages at /desk: sign-in, Find, Content, Counts. Nothing that staff type is logged or kept."""
