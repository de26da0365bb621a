//! The `transport` import: sends one message to the account's server.

use wasmtime::component::Resource;

use super::bindings::connectors::smtp::transport as wit;
use super::{Failed, View};
use crate::policy::transport::PolicyOutgoing;
use smtp_connector_smtp::address::InvalidPath;
use smtp_connector_smtp::excerpt::excerpt;
use smtp_connector_smtp::failure::{Failure, FailureCode, Phase};
use smtp_connector_smtp::{DsnOptions, DsnReturn, Envelope, EnvelopeId, Receipt};

/// The name of the mail server in the error of a run that is out of time.
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
            let message = format!("the component was stopped: it started to send {when}");
            return Err(Failed::stop(Failure::new(FailureCode::Internal, Phase::Policy, message)));
        }
        let Some(transport) = &self.run.transport else {
            let message = "the invocation does not name an account to send with";
            let failure = Failure::new(FailureCode::Account, Phase::Policy, message)
                .hint("name an account in the invocation")
                .after_config_change();
            return Err(failure.into());
        };
        let begun = transport.begin(envelope.try_into()?);
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
        // Closes the connection before the message's end is sent.
        self.table.delete(this)?;
        Ok(())
    }
}

impl TryFrom<wit::Envelope> for Envelope {
    type Error = Failed;

    /// Converts the envelope that a component asks for. A text that is not a valid path could inject an SMTP command,
    /// so it stops the component.
    fn try_from(told: wit::Envelope) -> Result<Self, Failed> {
        let sender = path(told.sender)?;
        let recipients = told.recipients.into_iter().map(path).collect::<Result<_, _>>()?;
        let notification = told.notification.map(DsnOptions::try_from).transpose()?;
        Ok(Self::new(sender, recipients)
            .allow_partial(told.allow_partial)
            .utf8_headers(told.utf8_headers)
            .size(told.size)
            .notification(notification))
    }
}

fn path<P: TryFrom<String, Error = InvalidPath>>(told: String) -> Result<P, Failed> {
    let shown = excerpt(&told);
    told.try_into().map_err(|_| handed_over(&format!("{shown}, which is not an address")))
}

fn handed_over(what: &str) -> Failed {
    let message = format!("the component was stopped: it gave the host {what}");
    let failure = Failure::new(FailureCode::Internal, Phase::Policy, message);
    Failed::stop(failure.hint("report this to the component's developer"))
}

impl TryFrom<wit::Notification> for DsnOptions {
    type Error = Failed;

    fn try_from(told: wit::Notification) -> Result<Self, Failed> {
        let wanted = |flag| told.notify.contains(flag);
        let id = told.envelope_id.as_deref().map(str::parse::<EnvelopeId>).transpose();
        Ok(Self::default()
            .success(wanted(wit::Notify::SUCCESS))
            .failure(wanted(wit::Notify::FAILURE))
            .delay(wanted(wit::Notify::DELAY))
            .report(told.report.map(|report| match report {
                wit::Report::Full => DsnReturn::Full,
                wit::Report::Headers => DsnReturn::Headers,
            }))
            .envelope_id(id.map_err(|_| handed_over("an envelope id that is not valid"))?))
    }
}

impl From<Receipt> for wit::Receipt {
    fn from(receipt: Receipt) -> Self {
        Self {
            reply: receipt.reply.into(),
            accepted: receipt.accepted.into_iter().map(String::from).collect(),
            refused: receipt.refused.into_iter().map(Into::into).collect(),
            queue_id: receipt.queue_id,
        }
    }
}
