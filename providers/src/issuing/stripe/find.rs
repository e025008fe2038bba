//! What Stripe has made of a request whose idempotency key it may have forgotten, which it does after 24 hours. It finds
//! nothing by metadata, so what was made in the time in question is looked through.

use chrono::TimeDelta;
use reqwest::Url;
use uuid::Uuid;

use super::{
    Stripe,
    answers::{self, Page},
};
use crate::{Failure, failure::reference, issuing::Interval};

/// Things in a page. A card comes with its cardholder, some 3 KB, and an answer has to stay within the bound of all.
const IN_A_PAGE: &str = "10";

/// Pages looked through at most; what lies behind is an unknown outcome, which somebody has to look up by hand.
const MOST_PAGES: usize = 2_000;

/// How far Stripe's clock may be from ours, and a call under way behind its beginning.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

impl Stripe {
    /// The id of what has this mark of ours in its metadata.
    pub(super) async fn marked(
        &self,
        list: Url,
        filter: &[(&str, &str)],
        (field, id): (&str, Uuid),
        made: Interval,
    ) -> Result<Option<String>, Failure> {
        let mark = id.to_string();
        let mut first_page = list;
        first_page
            .query_pairs_mut()
            .extend_pairs(filter)
            .append_pair("created[gte]", &(made.from - TOLERANCE).timestamp().to_string())
            .append_pair("created[lte]", &(made.until + TOLERANCE).timestamp().to_string())
            .append_pair("limit", IN_A_PAGE);
        let mut next = first_page.clone();
        for _ in 0..MOST_PAGES {
            let answer = self.line.get(next).await?;
            let page: Page<'_> = answer.json_or(answers::code)?;
            if let Some(found) = page.data.iter().find(|listed| listed.metadata.get(field) == Some(&mark)) {
                return reference(found.id).map(Some);
            }
            let Some(last) = page.data.last().filter(|_| page.has_more) else { return Ok(None) };
            next = first_page.clone();
            next.query_pairs_mut().append_pair("starting_after", last.id);
        }
        tracing::error!(%id, pages = MOST_PAGES, "too much was made at the issuer in that time to be looked through");
        Err(Failure::Unknown)
    }
}
