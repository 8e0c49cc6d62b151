//! The calls: each reads its request, calls the admin function and writes the answer.

use std::sync::Arc;

use proto::api::{
    self, DeleteClientRequest, DeleteClientResponse, GetClientConfigRequest,
    GetClientConfigResponse, GetClientStatsRequest, GetClientStatsResponse, ListClientsRequest,
    ListClientsResponse, SetClientConfigRequest, SetClientConfigResponse,
    flow_guard_service_server::FlowGuardService,
};
use tonic::{Request, Response, Status};

use crate::admin::{Admin, AdminError, Draft};

/// The public API over an [`Admin`].
#[derive(Debug)]
pub(super) struct FlowGuard {
    admin: Arc<Admin>,
}

impl FlowGuard {
    pub(super) fn new(admin: Arc<Admin>) -> Self {
        Self { admin }
    }
}

#[tonic::async_trait]
impl FlowGuardService for FlowGuard {
    async fn set_client_config(
        &self,
        request: Request<SetClientConfigRequest>,
    ) -> Result<Response<SetClientConfigResponse>, Status> {
        let Some(config) = request.into_inner().config else {
            return Err(Status::invalid_argument("config is required"));
        };
        let stored = self.admin.set(Draft::from(config)).await?;
        let message = stored.to_string();
        Ok(Response::new(SetClientConfigResponse { success: true, message }))
    }

    async fn get_client_config(
        &self,
        request: Request<GetClientConfigRequest>,
    ) -> Result<Response<GetClientConfigResponse>, Status> {
        let config = self.admin.get(&request.get_ref().client_id);
        let found = config.is_some();
        let config = config.as_ref().map(api::ClientConfig::from);
        Ok(Response::new(GetClientConfigResponse { config, found }))
    }

    async fn get_client_stats(
        &self,
        request: Request<GetClientStatsRequest>,
    ) -> Result<Response<GetClientStatsResponse>, Status> {
        let stats = self.admin.stats(&request.get_ref().client_id);
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
        let answer = match self.admin.remove(&request.get_ref().client_id).await {
            Ok(message) => DeleteClientResponse { success: true, message },
            Err(error @ AdminError::ClientNotFound) => {
                DeleteClientResponse { success: false, message: error.to_string() }
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Response::new(answer))
    }
}
