// Computes for hours at compile time, in portions that are each below the compiler's own limit.
// Attacks: the compiler's time
// Expects: does not compile, 0 points
template <unsigned long number>
constexpr unsigned long portion() {
    unsigned long sum = number;
    for (unsigned long i = 0; i < 250'000; ++i)
        sum = sum * 6'364'136'223'846'793'005 + i;
    return sum;
}

template <unsigned long number>
struct Chain {
    static constexpr unsigned long value = portion<number>() + Chain<number - 1>::value;
};
template <>
struct Chain<0> {
    static constexpr unsigned long value = 0;
};

int main() { return Chain<800>::value == 0; }
