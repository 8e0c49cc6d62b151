//! Who asks: read of a request when it arrives, and told to the upstream when a verdict has named it.

use limiter::ClientId;
use proto::plugin_config::Mode;

use super::Worker;
use crate::{
    access_log::Entry,
    header_map::HeaderMap,
    header_value::{AsciiHeaderValue, HeaderValue},
    host::{Host, RequestId},
    identity::{CLIENT_ID, Unidentified, path_before_secret, told_secrets},
    reply::{BodyFormat, Denial},
    request_headers::RequestHeaders,
    stats::Stat,
};

/// The client that asks, as a verdict has named it; none where it is believed to be who it says, and
/// where nobody knows it.
#[derive(Clone, Debug)]
pub(super) struct Named(Option<String>);

#[cfg(test)]
impl Named {
    /// Where only the request itself says who asks.
    pub(super) const NOBODY: Self = Self(None);
}

impl Named {
    /// The id, where there is one.
    pub(super) fn id(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Tells the upstream, and Envoy's access log, who asks. The request is held.
    pub(super) fn tell(&self, host: &mut impl Host, request: RequestId) {
        if let Some(id) = self.id() {
            let value = HeaderValue::from(AsciiHeaderValue::new(id));
            host.set_request_header(request, CLIENT_ID, &value);
        }
    }
}

impl Worker {
    /// What is wrong with a request, or what it says.
    pub(super) fn read<'a>(
        &self,
        host: &mut impl Host,
        id: RequestId,
        headers: &'a HeaderMap,
    ) -> Result<RequestHeaders<'a>, Denial> {
        let who = self.config.identity.who(headers, |path| host.property(id, path));
        let read = match who {
            None => RequestHeaders::read(headers, self.config.estimate),
            Some(Err(why)) => return Err(Denial::Unidentified(why)),
            Some(Ok(who)) => match RequestHeaders::read_of(who.clone(), headers) {
                // It passes in shadow, but not as anybody.
                Err(_) if self.config.mode == Mode::Shadow => {
                    host.count(Stat::InvalidHeaders, 1);
                    Ok(RequestHeaders::without_estimate(who, headers))
                }
                read => read,
            },
        };
        read.map_err(Denial::InvalidHeaders)
    }

    /// Takes off a request what must not go on: whoever does not have to be believed says nothing to
    /// the upstream either, and no log has a key.
    pub(super) fn take_off(&self, host: &mut impl Host, id: RequestId, headers: &HeaderMap) {
        let taken_off = self.config.identity.taken_off(headers);
        for name in &taken_off.headers {
            host.remove_request_header(id, name);
        }
        let is_left = |name: &&str| !taken_off.headers.iter().any(|other| other == name);
        for name in told_secrets(headers).filter(is_left) {
            host.remove_request_header(id, name);
        }
        if let Some(path) = taken_off.path {
            host.cut_request_path(id, &path);
        }
    }

    /// Counts a request that says something wrong, and answers it where that is carried out.
    /// `false`: it passes.
    pub(super) fn deny_unread(
        &self,
        host: &mut impl Host,
        id: RequestId,
        headers: &HeaderMap,
        body_format: BodyFormat,
        denial: &Denial,
    ) -> bool {
        let stat = match denial {
            Denial::Unidentified(why) => stat_of(*why),
            _ => Stat::InvalidHeaders,
        };
        host.count(stat, 1);
        let is_carried_out = self.carries_out(denial);
        self.tell_access_log_of(host, id, is_carried_out, || Entry::denied(denial));
        if is_carried_out {
            if let Some(path) = path_before_secret(headers) {
                host.cut_request_path(id, path);
            }
            self.deny(host, id, body_format, denial);
        }
        is_carried_out
    }

    /// Whether a request is refused for it in this mode. Who asks is no limit.
    pub(super) fn carries_out(&self, denial: &Denial) -> bool {
        self.config.mode != Mode::Shadow || denial.is_of_identity()
    }

    /// Who asked, as the control plane says.
    pub(super) fn named(&self, client_id: String) -> Named {
        let is_told =
            !self.config.identity.is_header() && ClientId::check(client_id.as_bytes()).is_ok();
        Named(is_told.then_some(client_id))
    }
}

/// How it is counted that somebody is not known.
pub(super) fn stat_of(why: Unidentified) -> Stat {
    match why {
        Unidentified::Unauthenticated(_) => Stat::Unauthenticated,
        Unidentified::InvalidIdentity => Stat::InvalidIdentity,
    }
}
