//! The lock before the methods of a gRPC port.

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use futures_util::future::Either;
use http::{Request, Response};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::{Lock, Requirement, policy};

/// Puts a lock before a server's services.
#[derive(Clone, Debug)]
pub(crate) struct GrpcLayer(Lock);

impl GrpcLayer {
    pub(crate) fn new(lock: Lock) -> Self {
        Self(lock)
    }
}

impl<S> Layer<S> for GrpcLayer {
    type Service = Guarded<S>;

    fn layer(&self, service: S) -> Guarded<S> {
        Guarded { lock: self.0.clone(), service }
    }
}

/// Services behind a lock.
#[derive(Clone, Debug)]
pub(crate) struct Guarded<S> {
    lock: Lock,
    service: S,
}

impl<S> Guarded<S> {
    fn let_in(&self, request: Request<Body>) -> Result<Request<Body>, Status> {
        let (mut parts, body) = request.into_parts();
        let listed = policy::method(parts.uri.path());
        let requirement = listed.unwrap_or(Requirement::Anybody);
        // Of a method that is none of ours nothing is written down: its caller chose it.
        let call = listed.map_or("*", |_| parts.uri.path()).to_owned();
        self.lock.admit(requirement, &call, &parts.headers, &mut parts.extensions)?;
        match listed {
            Some(_) => Ok(Request::from_parts(parts, body)),
            None => Err(Status::unimplemented("there is no such method")),
        }
    }
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Self::Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.let_in(request) {
            Ok(request) => Either::Right(self.service.call(request)),
            Err(status) => Either::Left(ready(Ok(status.into_http()))),
        }
    }
}
