"""The claims, one package per paper; an identifier begins with its package's name (`-` for `_`)."""
