//! The calls: each reads its request, calls the operator's function and writes the answer.

use std::sync::Arc;

use proto::api::{
    self, DeleteClientRequest, DeleteClientResponse, GetClientConfigRequest,
    GetClientConfigResponse, GetClientStatsRequest, GetClientStatsResponse, ListClientsRequest,
    ListClientsResponse, ResetClientRequest, ResetClientResponse, SetClientConfigRequest,
    SetClientConfigResponse, flow_guard_service_server::FlowGuardService,
};
use tonic::{Request, Response, Status};

use super::convert::masked;
use crate::operator::{Caller, Draft, Operator, OperatorError};

/// The public API over an [`Operator`].
#[derive(Debug)]
pub(super) struct FlowGuard {
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
        let stored = if mask.paths.is_empty() {
            self.operator.set(Draft::from(&config), caller).await?
        } else {
            self.operator.patch(&config.client_id, masked(&config, &mask)?, caller).await?
        };
        let mut message = stored.to_string();
        if sets_enabled && config.enabled.is_none() {
            message.push_str("; enabled (not given) is true");
        }
        Ok(Response::new(SetClientConfigResponse { success: true, message }))
    }

    async fn get_client_config(
        &self,
        request: Request<GetClientConfigRequest>,
    ) -> Result<Response<GetClientConfigResponse>, Status> {
        let config = self.operator.get(&request.get_ref().client_id);
        let found = config.is_some();
        let config = config.as_ref().map(api::ClientConfig::from);
        Ok(Response::new(GetClientConfigResponse { config, found }))
    }

    async fn get_client_stats(
        &self,
        request: Request<GetClientStatsRequest>,
    ) -> Result<Response<GetClientStatsResponse>, Status> {
        let stats = self.operator.stats(&request.get_ref().client_id);
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

    /// A client that is not there is an answer here, not an error: as in the two `Get` calls.
    async fn delete_client(
        &self,
        request: Request<DeleteClientRequest>,
    ) -> Result<Response<DeleteClientResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let answer = match self.operator.remove(&request.get_ref().client_id, caller).await {
            Ok(message) => DeleteClientResponse { success: true, message },
            Err(error @ OperatorError::ClientNotFound) => {
                DeleteClientResponse { success: false, message: error.to_string() }
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Response::new(answer))
    }

    async fn reset_client(
        &self,
        request: Request<ResetClientRequest>,
    ) -> Result<Response<ResetClientResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let stats = match self.operator.reset(&request.get_ref().client_id, caller).await {
            Ok(stats) => Some(api::ClientStats::from(&stats)),
            Err(OperatorError::ClientNotFound) => None,
            Err(error) => return Err(error.into()),
        };
        let found = stats.is_some();
        Ok(Response::new(ResetClientResponse { stats, found }))
    }
}
