// Prints errors without end: each level of templates has ten of its own, with all the levels above as notes.
// Attacks: the disk that takes the compiler's words, and the page that shows them
// Expects: does not compile, 0 points
template <int depth>
struct Fault : Fault<depth - 1> {
    int a = missing_a<depth>(), b = missing_b<depth>(), c = missing_c<depth>(), d = missing_d<depth>();
    int e[-depth - 1], f[-depth - 2], g[-depth - 3], h[-depth - 4];
    static_assert(depth < -1,
                  "portlab, portlab, portlab, portlab, portlab, portlab, portlab, portlab, portlab, portlab");
};
template <>
struct Fault<0> {};

Fault<890> fault;
#include __FILE__
