//! The calls: each reads its request, calls the operator's function and writes the answer.

use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt as _};
use proto::api::{
    self, BackupChunk, BackupRequest, DeleteClientRequest, DeleteClientResponse,
    GetClientConfigRequest, GetClientConfigResponse, GetClientStatsRequest, GetClientStatsResponse,
    ListClientsRequest, ListClientsResponse, ResetClientRequest, ResetClientResponse,
    SetClientConfigRequest, SetClientConfigResponse, flow_guard_service_server::FlowGuardService,
};
use tonic::{Request, Response, Status};

use super::convert::{if_found, masked};
use crate::{
    http::pieces,
    operator::{Caller, Draft, Operator, OperatorError, backup},
};

/// A backup while it is sent.
type Chunks = Pin<Box<dyn Stream<Item = Result<BackupChunk, Status>> + Send>>;

/// The public API over an [`Operator`].
#[derive(Debug)]
pub struct FlowGuard {
    operator: Arc<Operator>,
}

impl FlowGuard {
    pub(super) fn new(operator: Arc<Operator>) -> Self {
        Self { operator }
    }
}

#[tonic::async_trait]
impl FlowGuardService for FlowGuard {
    async fn set_client_config(
        &self,
        request: Request<SetClientConfigRequest>,
    ) -> Result<Response<SetClientConfigResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let SetClientConfigRequest { config, update_mask } = request.into_inner();
        let Some(config) = config else {
            return Err(Status::invalid_argument("config is required"));
        };
        let mask = update_mask.unwrap_or_default();
        let sets_enabled = mask.paths.is_empty() || mask.paths.iter().any(|path| path == "enabled");
        let change = if mask.paths.is_empty() {
            self.operator.set(Draft::from(&config), &caller).await?
        } else {
            self.operator.patch(&config.client_id, masked(&config, &mask)?, &caller).await?
        };
        let mut message = change.to_string();
        if sets_enabled && config.enabled.is_none() {
            message.push_str("; enabled (not given) is true");
        }
        Ok(Response::new(SetClientConfigResponse { success: true, message }))
    }

    async fn get_client_config(
        &self,
        request: Request<GetClientConfigRequest>,
    ) -> Result<Response<GetClientConfigResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let config = if_found(self.operator.get(&request.get_ref().client_id, &caller))?;
        let found = config.is_some();
        let config = config.as_ref().map(api::ClientConfig::from);
        Ok(Response::new(GetClientConfigResponse { config, found }))
    }

    async fn get_client_stats(
        &self,
        request: Request<GetClientStatsRequest>,
    ) -> Result<Response<GetClientStatsResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let stats = if_found(self.operator.stats(&request.get_ref().client_id, &caller))?;
        let found = stats.is_some();
        let stats = stats.as_ref().map(api::ClientStats::from);
        Ok(Response::new(GetClientStatsResponse { stats, found }))
    }

    /// `Lists` answers it.
    async fn list_clients(
        &self,
        _: Request<ListClientsRequest>,
    ) -> Result<Response<ListClientsResponse>, Status> {
        Err(Status::internal("the call is answered before it comes here"))
    }

    async fn delete_client(
        &self,
        request: Request<DeleteClientRequest>,
    ) -> Result<Response<DeleteClientResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let removal = if_found(self.operator.remove(&request.get_ref().client_id, &caller).await)?;
        let success = removal.is_some();
        let message = match removal {
            Some(removal) => removal.to_string(),
            None => OperatorError::ClientNotFound.to_string(),
        };
        Ok(Response::new(DeleteClientResponse { success, message }))
    }

    async fn reset_client(
        &self,
        request: Request<ResetClientRequest>,
    ) -> Result<Response<ResetClientResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let stats = if_found(self.operator.reset(&request.get_ref().client_id, &caller).await)?;
        let found = stats.is_some();
        let stats = stats.as_ref().map(api::ClientStats::from);
        Ok(Response::new(ResetClientResponse { stats, found }))
    }

    type BackupStream = Chunks;

    async fn backup(&self, request: Request<BackupRequest>) -> Result<Response<Chunks>, Status> {
        let document = self.operator.backup(&Caller::of(request.extensions()));
        let pieces = backup::pieces(document);
        let body = pieces::body(self.operator.readers().clone(), pieces).await;
        let body = body.map_err(OperatorError::from)?.into_data_stream();
        let chunks = body.map(|piece| match piece {
            Ok(lines) => Ok(BackupChunk { lines: lines.into() }),
            Err(_) => Err(Status::aborted("the backup was not read in time")),
        });
        Ok(Response::new(Box::pin(chunks)))
    }
}
