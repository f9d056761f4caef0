//! The journals of money at the card processor. Amounts are minor units; a builder never makes a movement of nothing.

use super::account::{Account, AccountKind};
use super::event::{Unbuildable, moved, netted};
use super::journal::{Journal, JournalKind, Movement, Subject};
use crate::id::{CardRefundId, ChargebackId, OrganizationId, TopUpId, WithdrawalId, WithdrawalReturnId};
use crate::money::Money;

fn outside(amount: Money) -> Account {
    Account::exchange(AccountKind::ExternalStripe, amount.currency)
}

/// Money that was paid by card. `owed_minor` is what the organization owes the exchange: it is paid first.
pub fn top_up(id: TopUpId, organization: OrganizationId, amount: Money, owed_minor: i64) -> Result<Journal, Unbuildable> {
    let movements = netted(outside(amount), organization, amount, owed_minor);
    Ok(Journal::new(JournalKind::Deposit, Subject::TopUp(id), movements)?)
}

/// A withdrawal has left towards the organization's connected account.
pub fn withdrawal_sent(id: WithdrawalId, organization: OrganizationId, amount: Money) -> Result<Journal, Unbuildable> {
    let from = Account::of(organization, AccountKind::Payout, amount.currency);
    Ok(Journal::new(JournalKind::WithdrawalPaid, Subject::Withdrawal(id), moved(from, outside(amount), amount.minor))?)
}

/// `amount` of a withdrawal that had left came back. `owed_minor` is what the organization owes the exchange: it is paid first.
pub fn withdrawal_returned(
    id: WithdrawalReturnId,
    organization: OrganizationId,
    amount: Money,
    owed_minor: i64,
) -> Result<Journal, Unbuildable> {
    let movements = netted(outside(amount), organization, amount, owed_minor);
    Ok(Journal::new(JournalKind::WithdrawalReturned, Subject::WithdrawalReturn(id), movements)?)
}

/// Unspent money goes back to the card that paid it.
pub fn card_refund(id: CardRefundId, organization: OrganizationId, amount: Money) -> Result<Journal, Unbuildable> {
    let from = Account::of(organization, AccountKind::Available, amount.currency);
    Ok(Journal::new(JournalKind::CardRefund, Subject::CardRefund(id), moved(from, outside(amount), amount.minor))?)
}

/// The card's bank did not take a refund. `owed_minor` is what the organization owes the exchange: it is paid first.
pub fn card_refund_failed(
    id: CardRefundId,
    organization: OrganizationId,
    amount: Money,
    owed_minor: i64,
) -> Result<Journal, Unbuildable> {
    let movements = netted(outside(amount), organization, amount, owed_minor);
    Ok(Journal::new(JournalKind::CardRefundFailed, Subject::CardRefund(id), movements)?)
}

/// The payer's bank gave `amount` back: first the exchange gets what it wrote off, then the organization's debt is paid, and the
/// rest is the organization's again.
pub fn chargeback_won(
    id: ChargebackId,
    organization: OrganizationId,
    source: AccountKind,
    amount: Money,
    written_off_minor: i64,
    owed_minor: i64,
) -> Result<Journal, Unbuildable> {
    let from = Account::exchange(source, amount.currency);
    let lost = amount.minor.min(written_off_minor.max(0));
    let mut movements = moved(from, Account::exchange(AccountKind::Losses, amount.currency), lost);
    let rest = Money::new(amount.minor.saturating_sub(lost), amount.currency);
    movements.extend(netted(from, organization, rest, owed_minor));
    Ok(Journal::new(JournalKind::ChargebackWon, Subject::Chargeback(id), movements)?)
}

/// The exchange bears `amount` of what an organization owes for a chargeback.
pub fn write_off(id: ChargebackId, organization: OrganizationId, amount: Money) -> Result<Journal, Unbuildable> {
    let movement = Movement {
        from: Account::exchange(AccountKind::Losses, amount.currency),
        to: Account::of(organization, AccountKind::Receivable, amount.currency),
        amount_minor: amount.minor,
    };
    Ok(Journal::new(JournalKind::WriteOff, Subject::Chargeback(id), vec![movement])?)
}

/// What of a chargeback's debt is still unpaid, in minor units: income pays the oldest debts first, so that what is owed now is
/// owed for the youngest. `younger_minor` is what became debt after this one.
#[must_use]
pub fn unpaid_of(chargeback_owed_minor: i64, owed_now_minor: i64, younger_minor: i64) -> i64 {
    owed_now_minor.saturating_sub(younger_minor).clamp(0, chargeback_owed_minor.max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use uuid::Uuid;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR)
    }

    #[test]
    fn what_came_back_pays_the_exchanges_loss_then_the_debt() {
        let (id, who) = (ChargebackId(Uuid::from_u128(1)), OrganizationId(Uuid::from_u128(2)));
        let journal = chargeback_won(id, who, AccountKind::ExternalStripe, eur(100), 30, 50).unwrap();
        let parts: Vec<_> = journal.movements().iter().map(|m| (m.to.kind, m.amount_minor)).collect();
        assert_eq!(parts, [(AccountKind::Losses, 30), (AccountKind::Receivable, 50), (AccountKind::Available, 20)]);
        let whole = chargeback_won(id, who, AccountKind::ExternalStripe, eur(100), 100, 50).unwrap();
        assert_eq!(whole.movements().len(), 1);
    }

    #[test]
    fn income_pays_the_oldest_debt_first() {
        assert_eq!(unpaid_of(100, 100, 0), 100);
        assert_eq!(unpaid_of(100, 150, 60), 90);
        assert_eq!(unpaid_of(100, 50, 60), 0);
        assert_eq!(unpaid_of(100, 500, 0), 100);
    }
}
