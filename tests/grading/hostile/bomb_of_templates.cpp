// Instantiates templates, twice as many on each level.
// Attacks: the compiler's time and memory
// Expects: does not compile, 0 points
template <unsigned depth, unsigned long path>
struct Tree {
    static constexpr unsigned long value = Tree<depth - 1, 2 * path>::value + Tree<depth - 1, 2 * path + 1>::value;
};
template <unsigned long path>
struct Tree<0, path> {
    static constexpr unsigned long value = path;
};

int main() { return Tree<40, 1>::value == 0; }
