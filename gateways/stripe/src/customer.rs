//! Customers and their saved cards.

use gateways::payments::{Card, Customer, NewCustomer, PageRequest};
use stripe_core::customer::{CreateCustomer, ListPaymentMethodsCustomer, ListPaymentMethodsCustomerType};

use crate::list::paged;
use crate::value::{id_of, metadata, mode, moment, notes};

pub(crate) fn create(customer: &NewCustomer) -> CreateCustomer {
    let mut request = CreateCustomer::new();
    if let Some(email) = &customer.email {
        request = request.email(email);
    }
    if let Some(name) = &customer.name {
        request = request.name(name);
    }
    match notes(&customer.metadata) {
        Some(notes) => request.metadata(notes),
        None => request,
    }
}

pub(crate) fn read(customer: stripe_shared::Customer) -> Customer {
    Customer {
        id: customer.id.to_string(),
        mode: mode(customer.livemode),
        created: moment(customer.created),
        metadata: metadata(customer.metadata),
    }
}

pub(crate) fn cards(customer: &str, page: &PageRequest) -> ListPaymentMethodsCustomer {
    paged!(ListPaymentMethodsCustomer::new(customer).type_(ListPaymentMethodsCustomerType::Card), page)
}

/// A card; none if the payment method is none.
pub(crate) fn read_card(method: stripe_shared::PaymentMethod) -> Option<Card> {
    let card = method.card?;
    Some(Card {
        id: method.id.to_string(),
        brand: card.brand,
        last_four: card.last4,
        expiry_month: u8::try_from(card.exp_month).unwrap_or_default(),
        expiry_year: u16::try_from(card.exp_year).unwrap_or_default(),
        customer: id_of(method.customer),
        created: moment(method.created),
    })
}
