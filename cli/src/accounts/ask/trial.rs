//! Tests an account before it is saved.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::test::line;
use super::stoppable;
use crate::context::Context;
use crate::output::tell;
use crate::text;
use smtp_connector_host::Account;
use smtp_connector_host::consent::Grant;
use smtp_connector_smtp::{BoxFuture, RefreshTokens, Secret};

/// The refresh token that replaces the grant's during the test. It must be saved, because the old one may be invalid.
#[derive(Clone, Default)]
struct Replaced(Arc<Mutex<Option<Secret>>>);

impl RefreshTokens for Replaced {
    fn replaced<'a>(&'a self, _account: &'a str, new: &'a Secret) -> BoxFuture<'a, ()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(new.clone());
        Box::pin(std::future::ready(()))
    }
}

/// Logs in with the account, and reports what goes wrong. Returns whether the server accepts the account.
pub(super) async fn passes(
    context: &Context<'_>,
    account: &Account,
    grant: Option<&mut Grant>,
) -> bool {
    let replaced = Replaced::default();
    let tested = stoppable(logs_in(context, account, replaced.clone())).await;
    let new = replaced.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Some(grant), Some(new)) = (grant, new) {
        grant.refresh_token = new;
    }
    tested.unwrap_or_else(|| {
        tell("stopped");
        false
    })
}

async fn logs_in(context: &Context<'_>, account: &Account, replaced: Replaced) -> bool {
    tell(format_args!("Testing {}:{} ...", account.host(), account.port()));
    let routed = context.routed(Arc::new(account.clone()));
    let transport = context.transport().refresh_tokens(replaced);
    let mut steps = transport.test_steps(routed.server());
    let mut trouble = None;
    while let Some(step) = steps.next().await {
        let took = text::duration(step.took);
        if let Some(line) =
            step.outcome.as_ref().ok().and_then(|details| line::of_success(account, details))
        {
            tell(format_args!("  {took:>8}  {line}"));
        }
        trouble = step.outcome.err();
    }
    match trouble {
        None => {
            tell("The server accepts the account.");
            true
        }
        Some(failure) => {
            text::error(&failure.into()).iter().for_each(tell);
            false
        }
    }
}
