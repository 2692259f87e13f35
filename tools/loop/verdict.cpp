#include "tools/loop/verdict.hpp"

#define BOOST_BIND_GLOBAL_PLACEHOLDERS // or it says on each compilation that the way is old
#include <boost/property_tree/json_parser.hpp>
#include <boost/property_tree/ptree.hpp>
#include <string>
#include <vector>

namespace loop {
namespace {

using boost::property_tree::ptree;

std::vector<std::string> list(const ptree& of, const char* key) {
    std::vector<std::string> all;
    for (const auto& [nothing, value] : of.get_child(key))
        all.push_back(value.get_value<std::string>());
    return all;
}

} // namespace

std::optional<grader::Verdict> read_verdict(const std::filesystem::path& file) {
    try {
        ptree tree;
        boost::property_tree::read_json(file.string(), tree);
        const auto text = [&](const char* key) { return tree.get<std::string>(key); };
        grader::Verdict verdict{.exercise = text("exercise"),
                                .verdict = text("verdict"),
                                .checks = list(tree, "checks"),
                                .not_tried = list(tree, "not_tried"),
                                .story = text("story"),
                                .took = std::chrono::duration<double>{tree.get<double>("seconds")}};
        if (tree.get_optional<std::string>("failed.check"))
            verdict.failed = {text("failed.check"), text("failed.expected"), text("failed.observed"),
                              text("failed.section")};
        return verdict;
    } catch (const boost::property_tree::ptree_error&) {
        return {};
    }
}

} // namespace loop
