//! `transport`: one message to the account's server.

use wasmtime::component::Resource;

use super::bindings::connectors::smtp::transport as wit;
use super::{Failed, View};
use crate::policy::transport::PolicyOutgoing;
use smtp_connector_smtp::failure::{Failure, FailureCode, Phase};
use smtp_connector_smtp::{DsnOptions, DsnReturn, Envelope, Receipt};

/// What a message waits for.
const SERVER: &str = "the mail server";

impl wit::Host for View<'_> {
    async fn begin(&mut self, envelope: wit::Envelope) -> Result<Resource<PolicyOutgoing>, Failed> {
        self.count_call()?;
        let forbidden = match (self.run.dry_run, &self.run.sources) {
            (true, _) => Some("in a dry run"),
            (false, None) => Some("while it checked an input"),
            (false, Some(_)) => None,
        };
        if let Some(when) = forbidden {
            let message = format!("the component was stopped: it began to send {when}");
            return Err(Failed::stop(Failure::new(FailureCode::Internal, Phase::Policy, message)));
        }
        let Some(transport) = &self.run.transport else {
            let message = "no account was chosen to send with";
            let failure = Failure::new(FailureCode::Account, Phase::Policy, message)
                .hint("name an account in the invocation")
                .after_config_change();
            return Err(failure.into());
        };
        let begun = transport.begin(envelope.into());
        let outgoing = self.run.delivery.waiting_for(SERVER, begun).await?;
        Ok(self.table.push(outgoing)?)
    }
}

impl wit::HostOutgoing for View<'_> {
    async fn write(
        &mut self,
        this: Resource<PolicyOutgoing>,
        chunk: Vec<u8>,
    ) -> Result<(), Failed> {
        self.count_call()?;
        let written = self.table.get_mut(&this)?.write(chunk);
        Ok(self.run.delivery.waiting_for(SERVER, written).await?)
    }

    async fn finish(&mut self, this: Resource<PolicyOutgoing>) -> Result<wit::Receipt, Failed> {
        self.count_call()?;
        let outgoing = self.table.delete(this)?;
        Ok(self.run.delivery.waiting_for(SERVER, outgoing.finish()).await?.into())
    }

    async fn drop(&mut self, this: Resource<PolicyOutgoing>) -> wasmtime::Result<()> {
        // The connection goes with it, before the message's end was sent.
        self.table.delete(this)?;
        Ok(())
    }
}

impl From<wit::Envelope> for Envelope {
    fn from(envelope: wit::Envelope) -> Self {
        Self {
            sender: envelope.sender,
            recipients: envelope.recipients,
            allow_partial: envelope.allow_partial,
            utf8_headers: envelope.utf8_headers,
            size: envelope.size,
            notification: envelope.notification.map(DsnOptions::from),
        }
    }
}

impl From<wit::Notification> for DsnOptions {
    fn from(notification: wit::Notification) -> Self {
        let wanted = |flag| notification.notify.contains(flag);
        Self {
            success: wanted(wit::Notify::SUCCESS),
            failure: wanted(wit::Notify::FAILURE),
            delay: wanted(wit::Notify::DELAY),
            report: notification.report.map(|report| match report {
                wit::Report::Full => DsnReturn::Full,
                wit::Report::Headers => DsnReturn::Headers,
            }),
            envelope_id: notification.envelope_id,
        }
    }
}

impl From<Receipt> for wit::Receipt {
    fn from(receipt: Receipt) -> Self {
        Self {
            reply: receipt.reply.into(),
            accepted: receipt.accepted,
            refused: receipt.refused.into_iter().map(Into::into).collect(),
            queue_id: receipt.queue_id,
        }
    }
}
