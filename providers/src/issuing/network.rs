//! What an issuer asks and tells of purchases with our cards, in words that no vendor owns.
//!
//! An issuer asks before a purchase ([`Question`]) and waits for the answer; everything else it tells afterwards, at
//! least once and in any order. So a [`Report`] says how things stand, or names single movements by the issuer's own
//! ids: what was heard before changes nothing.

use aggregates::{CardId, Money, card::Purchase};

/// What one delivery says.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Question(Question),
    Report(Report),
    /// The issuer has changed the card.
    Card(CardName),
    /// Nothing that concerns us.
    Nothing,
}

/// One of our cards, as the issuer names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardName {
    /// The issuer's own id.
    pub reference: String,
    /// Our id, where the issuer repeats what we told it.
    pub card_id: Option<CardId>,
}

/// May this be bought?
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The issuer's id of the authorisation; of an increment, that of what it adds to.
    pub authorization: String,
    /// How many requests there were on this authorisation before: 0 asks for a new one, more for an increment.
    pub number: u32,
    pub card: CardName,
    /// With the amount that is asked for now, in the card's currency.
    pub purchase: Purchase,
}

/// How an authorisation stands, or what moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// None: the network moved money without asking.
    pub authorization: Option<String>,
    pub card: CardName,
    /// What is known of the purchase; its amount is what it was about in all.
    pub purchase: Purchase,
    /// What became of each request, from the first on. Empty where the report does not say.
    pub rulings: Vec<Ruling>,
    pub movements: Vec<Movement>,
    /// What the merchant gave back of the authorised amount.
    pub reversal: Option<Reversal>,
    /// Whether anything more can be captured.
    pub ended: Option<Ended>,
}

/// What became of one request: our answer, or what the issuer did without or against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    pub approved: bool,
    pub amount: Money,
    /// The issuer's stable code.
    pub reason: String,
}

/// Money that moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The issuer's id of it.
    pub reference: String,
    pub kind: MovementKind,
    /// Above zero, in the card's currency.
    pub amount: Money,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovementKind {
    /// To the merchant.
    Capture,
    /// Back.
    Refund,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// The issuer's id of what said so.
    pub reference: String,
    pub amount: Money,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All is captured that will be.
    Closed,
    /// The merchant took the rest back.
    Reversed,
    /// Nobody captured it in time.
    Expired,
}
