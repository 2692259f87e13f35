// Takes almost all the time that the compiler has, and then all that its judge has, by a line now and then.
// Attacks: the grader's time; limits for each step add up
// Expects: wrong, 0 points
#include <iostream>
#include <poll.h>

template <unsigned long number>
constexpr unsigned long portion() {
    unsigned long sum = number;
    for (unsigned long i = 0; i < 50'000; ++i)
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

int main() {
    while (std::cout << "almost ready, " << Chain<10>::value << std::endl)
        ::poll(nullptr, 0, 200);
}
