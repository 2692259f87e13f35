// Nothing: the headers of the exercises are precompiled for the library of which this is the source.
