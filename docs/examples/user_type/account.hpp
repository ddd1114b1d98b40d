// SPDX-License-Identifier: MIT

// A user-defined class as a shared object: an account whose balance never falls below zero.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include <agora/server/user_type.hpp>

class Account {
 public:
  explicit Account(std::int64_t first) : cents_(first) {
    if (first < 0) throw std::invalid_argument("an account begins with at least 0 cents");
  }

  std::int64_t balance() const { return cents_; }
  std::int64_t deposit(std::int64_t cents) { return cents_ += cents; }
  std::int64_t withdraw(std::int64_t cents) {
    if (cents > cents_)
      throw std::out_of_range("there are only " + std::to_string(cents_) + " cents");
    return cents_ -= cents;
  }

 private:
  std::int64_t cents_;
};

inline agora::user_type account_type() {
  return agora::describe_class<Account>("account", "Money, in cents.")
      .constructor<std::int64_t>({{"balance", "The first balance, cents.", 0}})
      .method("balance", &Account::balance, "The balance now, cents.")
      .method("deposit", &Account::deposit, "Adds cents, gives the new balance.", {{"cents"}})
      .method("withdraw", &Account::withdraw, "Takes cents out, gives the new balance.",
              {{"cents"}})
      .saved([](const Account& account) { return account.balance(); },
             [](std::int64_t cents) { return Account{cents}; });
}
