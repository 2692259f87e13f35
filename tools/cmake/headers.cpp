// Nothing: a library of which this is the source is there for the headers that are precompiled for it.
