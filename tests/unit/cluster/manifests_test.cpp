#include "agent/cluster/manifests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

namespace bedplate::cluster {
namespace {

using testing::ElementsAre;

struct Case {
  const char* what;
  std::string text;
  std::vector<std::string> problems;
};

// Without it the name of the test would be its bytes.
void PrintTo(const Case& value, std::ostream* out) { *out << value.what; }

class Manifests : public testing::TestWithParam<Case> {};

TEST_P(Manifests, AreJudged) {
  std::vector<std::string> all;
  for (const auto& problem : readManifest(GetParam().text).problems)
    all.push_back(fmt::format("{}:{}: {}", problem.at.line, problem.at.column, problem.message));
  EXPECT_EQ(all, GetParam().problems);
}

const std::string kGood = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: argocd\n";
const std::string kWhatItIs = "a manifest holds Kubernetes objects: mappings with apiVersion, kind and metadata.name";
const std::string kOneObject = " is missing: every document is one Kubernetes object";
const std::string kQuotes = " must be text; a number or a word like 'on' needs quotes";

INSTANTIATE_TEST_SUITE_P(
    All, Manifests,
    testing::ValuesIn(std::vector<Case>{
        Case{"Good", kGood, {}},
        Case{"TwoDocuments", kGood + "---\n" + kGood, {}},
        Case{"EmptyDocuments", "---\n---\n" + kGood + "---\n# end\n---\n", {}},
        Case{"NoApiVersion", "kind: A\nmetadata: {name: x}\n", {"1:1: apiVersion" + kOneObject}},
        Case{"NoKind", kGood + "---\napiVersion: v1\nmetadata: {name: x}\n", {"6:1: kind" + kOneObject}},
        Case{"NoMetadata", "apiVersion: v1\nkind: A\n", {"1:1: metadata.name" + kOneObject}},
        Case{"NoName", "apiVersion: v1\nkind: A\nmetadata: {namespace: x}\n", {"1:1: metadata.name" + kOneObject}},
        Case{"Nothing",
             "{}\n",
             {"1:1: apiVersion" + kOneObject, "1:1: kind" + kOneObject, "1:1: metadata.name" + kOneObject}},
        Case{"NameIsANumber", "apiVersion: v1\nkind: A\nmetadata:\n  name: 123\n", {"4:9: metadata.name" + kQuotes}},
        Case{"NameIsABoolean", "apiVersion: v1\nkind: A\nmetadata: {name: on}\n", {"3:18: metadata.name" + kQuotes}},
        Case{"NameIsAQuotedNumber", "apiVersion: v1\nkind: A\nmetadata: {name: '123'}\n", {}},
        Case{"NameIsNull", "apiVersion: v1\nkind: A\nmetadata:\n  name:\n", {"5:1: metadata.name" + kQuotes}},
        Case{
            "NameIsAMapping", "apiVersion: v1\nkind: A\nmetadata: {name: {a: b}}\n", {"3:18: metadata.name" + kQuotes}},
        Case{"NameIsAList", "apiVersion: v1\nkind: A\nmetadata: {name: [b]}\n", {"3:18: metadata.name" + kQuotes}},
        Case{"NameInCapitals",
             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: App_x}\n",
             {"3:18: ConfigMap 'App_x' is no name that the API server takes: lower case letters, digits, '-' and '.', "
              "with a "
              "letter or digit at both ends, at most 253"}},
        Case{"NamespaceWithADot",
             "apiVersion: v1\nkind: Namespace\nmetadata: {name: a.b}\n",
             {"3:18: Namespace 'a.b' is no name that the API server takes: lower case letters, digits, '-', with a "
              "letter "
              "or digit at both ends, at most 63"}},
        Case{"RoleWithAColon",
             "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: 'system:X_y'}\n",
             {}},
        Case{"RoleWithASlash",
             "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a/b}\n",
             {"3:18: ClusterRole 'a/b': the API server takes no '/' and no '%' in such a name"}},
        Case{"NameIsEmpty", "apiVersion: v1\nkind: A\nmetadata: {name: ''}\n", {"3:18: metadata.name is empty"}},
        Case{"ApiVersionIsANumber", "apiVersion: 1\nkind: A\nmetadata: {name: x}\n", {"1:13: apiVersion" + kQuotes}},
        Case{"MetadataIsText",
             "apiVersion: v1\nkind: A\nmetadata: x\n",
             {"3:11: metadata must be a mapping with a name"}},
        Case{"MetadataIsAList",
             "apiVersion: v1\nkind: A\nmetadata: [x]\n",
             {"3:11: metadata must be a mapping with a name"}},
        Case{"GenerateName",
             "apiVersion: v1\nkind: A\nmetadata: {generateName: x-}\n",
             {"3:26: generateName makes a new object at every pass of K3s: give it metadata.name"}},
        Case{"NamesDeeperDownDoNotCount",
             "apiVersion: v1\nkind: A\nspec: {name: x, metadata: {name: y}}\nmetadata: {labels: {name: z}}\n",
             {"1:1: metadata.name" + kOneObject}},
        Case{"Text", "hello\n", {"1:1: " + kWhatItIs}},
        Case{"List", "- a\n", {"1:1: " + kWhatItIs}},
        Case{
            "KindList", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: A\n  metadata: {name: x}\n", {}},
        Case{"KindBehindItems",
             "items:\n- {apiVersion: v1, kind: A, metadata: {name: x}}\nkind: List\napiVersion: v1\n",
             {}},
        Case{"ItemWithoutName",
             "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A}\n",
             {"4:3: metadata.name" + kOneObject}},
        Case{"ItemIsText",
             "apiVersion: v1\nkind: List\nitems: [x, [y], ~]\n",
             {"3:9: an item of a list must be a Kubernetes object",
              "3:12: an item of a list must be a Kubernetes object",
              "3:17: an item of a list must be a Kubernetes object"}},
        Case{"TypedList",
             "apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: x}\n- metadata: {}\n",
             {"5:3: metadata.name" + kOneObject}},
        Case{"KindThatEndsInListWithoutItems", "apiVersion: a/v1\nkind: AllowList\nmetadata: {name: x}\n", {}},
        Case{"ItemsOfAnObject",
             "apiVersion: v1\nkind: A\nmetadata: {name: x}\nitems: [{a: b}]\n",
             {"4:8: 'items' at the top makes this a list for K3s, but its kind does not end in List"}},
        Case{"Anchor",
             "apiVersion: v1\nkind: A\nmetadata: &m {name: x}\n",
             {"3:11: anchors are not taken: write the value out where it is needed"}},
        Case{"DuplicateKey", kGood + "kind: B\n", {"5:1: the key 'kind' stands twice in one mapping"}},
        Case{"Json",
             R"({"apiVersion": "v1", "kind": "ConfigMap",
	"metadata": {"name": "x"}, "data": {"a": "b\n"}})",
             {}},
        Case{
            "BrokenSecondDocument", kGood + "---\napiVersion: [v1\n", {"6:13: not valid YAML: this is never closed"}}}),
    [](const auto& parameter) { return parameter.param.what; });

TEST(Manifest, DeepestNestingTheReaderTakes) {
  std::string text = kGood + "spec: ";
  text += std::string(63, '[') + std::string(63, ']') + "\n";
  EXPECT_TRUE(readManifest(text).problems.empty());
  text.insert(text.find('['), "[");
  EXPECT_EQ(readManifest(text).problems.front().message, "nested too deeply");
}

}  // namespace
}  // namespace bedplate::cluster
