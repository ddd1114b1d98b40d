// SPDX-License-Identifier: MIT

// A user's own struct needs only nlohmann's macro to be a value.
#include <optional>
#include <string>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

namespace shop {

struct Item {
  std::string name;
  int count = 0;
  std::vector<double> prices;
  bool operator==(const Item&) const = default;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Item, name, count, prices)
};

struct Order {
  long number = 0;
  std::vector<Item> items;
  bool operator==(const Order&) const = default;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, number, items)

}  // namespace shop

int main() {
  return user::run([] {
    agora::manager m;
    const shop::Item tea{"tea", 3, {1.5, 2.0}};
    const shop::Order order{1L << 40, {tea, {"milk", 1, {}}}};
    auto orders = m.dict<int, shop::Order>("orders");
    orders[1] = order;
    USER_CHECK(orders.at(1) == order);
    auto items = m.queue<shop::Item>("items");
    items.push(tea);
    USER_CHECK(items.pop() == tea);
    auto many = m.list<std::optional<shop::Item>>();
    many.push_back(tea);
    many.push_back(std::nullopt);
    USER_CHECK(many.at(0) == tea);
    USER_CHECK(many.at(1) == std::nullopt);

    auto raw = m.dict<int, agora::any>("orders");
    raw[2] = "no order";
    USER_THROWS(orders.at(2), agora::type_error);
    auto plain = raw.at(1).get<std::map<std::string, agora::any>>();
    USER_CHECK((*plain)["number"] == agora::any(1L << 40));
  });
}
