//! Who may ask for what about payments.

use domain::access::Permission as P;

use super::cases::Access as A;

/// Every root field about payments.
pub const ROOTS: &[(&str, &str, A)] = &[
    ("Query", "autoTopUps", A::Needs(P::WalletRead)),
    ("Query", "cardDisputes", A::NeedsOrOperator(P::WalletRead)),
    ("Query", "cardRefunds", A::NeedsOrOperator(P::WalletRead)),
    ("Query", "chargebackEvidence", A::Operator),
    ("Query", "payoutOnboarding", A::NeedsOrOperator(P::WalletRead)),
    ("Query", "savedCards", A::Needs(P::WalletRead)),
    ("Query", "topUp", A::NeedsOrOperator(P::WalletRead)),
    ("Query", "topUps", A::NeedsOrOperator(P::WalletRead)),
    ("Mutation", "autoTopUpSet", A::Needs(P::WalletWrite)),
    ("Mutation", "chargebackEvidenceSubmit", A::Operator),
    ("Mutation", "payoutOnboardingStart", A::Needs(P::WalletWrite)),
    ("Mutation", "savedCardRemove", A::Needs(P::WalletWrite)),
    ("Mutation", "walletRefund", A::Needs(P::WalletWrite)),
    ("Mutation", "walletTopUp", A::Needs(P::WalletWrite)),
    ("Mutation", "walletWithdraw", A::Needs(P::WalletWrite)),
];
