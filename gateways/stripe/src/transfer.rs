//! Transfers to connected accounts, and their reversals.

use gateways::payments::{GatewayError, NewReversal, NewTransfer, PageRequest, Transfer, TransferReversal, Window};
use stripe_connect::transfer::{CreateTransfer, ListTransfer};
use stripe_connect::transfer_reversal::{CreateIdTransferReversal, ListIdTransferReversal};

use crate::currency::{from_stripe, minor_from_stripe, to_stripe};
use crate::list::{created, paged};
use crate::value::{id, id_of, metadata, mode, moment, notes};

pub(crate) fn create(transfer: &NewTransfer) -> Result<CreateTransfer, GatewayError> {
    let (minor, currency) = to_stripe(&transfer.amount)?;
    let mut request = CreateTransfer::new(currency, &transfer.account).amount(minor);
    if let Some(group) = &transfer.group {
        request = request.transfer_group(group);
    }
    Ok(match notes(&transfer.metadata) {
        Some(notes) => request.metadata(notes),
        None => request,
    })
}

pub(crate) fn list(window: &Window, page: &PageRequest) -> ListTransfer {
    paged!(ListTransfer::new().created(created(window)), page)
}

pub(crate) fn reverse(reversal: &NewReversal) -> Result<CreateIdTransferReversal, GatewayError> {
    let (minor, _) = to_stripe(&reversal.amount)?;
    let request = CreateIdTransferReversal::new(id(&reversal.transfer)?).amount(minor);
    Ok(match notes(&reversal.metadata) {
        Some(notes) => request.metadata(notes),
        None => request,
    })
}

pub(crate) fn reversals(transfer: &str, page: &PageRequest) -> Result<ListIdTransferReversal, GatewayError> {
    Ok(paged!(ListIdTransferReversal::new(id(transfer)?), page))
}

pub(crate) fn read(transfer: stripe_shared::Transfer) -> Transfer {
    let amount = from_stripe(transfer.amount, &transfer.currency);
    Transfer {
        id: transfer.id.to_string(),
        mode: mode(transfer.livemode),
        reversed_minor: minor_from_stripe(transfer.amount_reversed, &amount.currency),
        amount,
        account: id_of(transfer.destination),
        group: transfer.transfer_group,
        created: moment(transfer.created),
        metadata: transfer.metadata.into_iter().collect(),
    }
}

pub(crate) fn read_reversal(reversal: stripe_shared::TransferReversal) -> TransferReversal {
    TransferReversal {
        id: reversal.id.to_string(),
        transfer: reversal.transfer.into_id().to_string(),
        amount: from_stripe(reversal.amount, &reversal.currency),
        created: moment(reversal.created),
        metadata: metadata(reversal.metadata),
    }
}
