//! The calls: each reads its request, calls the operator's function and writes the answer.

use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt as _};
use proto::api::{
    self, BackupChunk, BackupRequest, CreateKeyRequest, CreateKeyResponse, CreateTokenRequest,
    CreateTokenResponse, DeleteClientRequest, DeleteClientResponse, DeleteKeyRequest,
    DeleteKeyResponse, DeleteLimitRequest, DeleteLimitResponse, DeleteModelRequest,
    DeleteModelResponse, DeleteTokenRequest, DeleteTokenResponse, ExplainClientRequest,
    ExplainClientResponse, GetClientConfigRequest, GetClientConfigResponse, GetClientStatsRequest,
    GetClientStatsResponse, GetConfigRequest, GetHistoryRequest, GetHistoryResponse, GetKeyRequest,
    GetKeyResponse, GetLimitRequest, GetLimitResponse, GetLimitStatsRequest, GetLimitStatsResponse,
    GetModelRequest, GetModelResponse, GetSystemRequest, GetSystemResponse, GetTokenRequest,
    GetTokenResponse, ListAuditRequest, ListAuditResponse, ListClientsRequest, ListClientsResponse,
    ListDecisionsRequest, ListDecisionsResponse, ListKeysRequest, ListKeysResponse,
    ListLimitsRequest, ListLimitsResponse, ListModelsRequest, ListModelsResponse,
    ListTokensRequest, ListTokensResponse, PreviewRequest, PreviewResponse, ResetClientRequest,
    ResetClientResponse, SetClientConfigRequest, SetClientConfigResponse, SetConfigRequest,
    SetConfigResponse, SetLimitRequest, SetLimitResponse, SetModelRequest, SetModelResponse,
    flow_guard_service_server::FlowGuardService,
};
use tonic::{Request, Response, Status, Streaming};

use super::{
    convert::{if_found, masked},
    credentials, document, past, preview, rules,
};
use crate::{
    audit::Filter,
    credentials::PublicPart,
    http::pieces,
    limits::{LimitName, Name},
    operator::{
        Caller, Draft, KeyDraft, Kind, Operator, OperatorError, Precondition, QuestionDraft,
        Tagged, TokenDraft, backup, bucket_page, page::Section,
    },
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
        let SetClientConfigRequest { config, update_mask, if_match, if_none_match } =
            request.into_inner();
        let precondition = Precondition::parse(&if_match, &if_none_match)?;
        let Some(config) = config else {
            return Err(Status::invalid_argument("config is required"));
        };
        let mask = update_mask.unwrap_or_default();
        let sets_enabled = mask.paths.is_empty() || mask.paths.iter().any(|path| path == "enabled");
        let change = if mask.paths.is_empty() {
            self.operator.set(Draft::from(&config), precondition, &caller).await?
        } else {
            let draft = masked(&config, &mask)?;
            self.operator.patch(&config.client_id, draft, precondition, &caller).await?
        };
        let mut message = change.to_string();
        if sets_enabled && config.enabled.is_none() {
            message.push_str("; enabled (not given) is true");
        }
        let etag = change.tag().as_str().to_owned();
        Ok(Response::new(SetClientConfigResponse { success: true, message, etag }))
    }

    async fn get_client_config(
        &self,
        request: Request<GetClientConfigRequest>,
    ) -> Result<Response<GetClientConfigResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let config = if_found(self.operator.get(&request.get_ref().client_id, &caller))?;
        let found = config.is_some();
        let etag = etag(config.as_ref());
        let config = config.map(|config| api::ClientConfig::from(&config.value));
        Ok(Response::new(GetClientConfigResponse { config, found, etag }))
    }

    async fn get_client_stats(
        &self,
        request: Request<GetClientStatsRequest>,
    ) -> Result<Response<GetClientStatsResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let stats = if_found(self.operator.stats(&request.get_ref().client_id, &caller).await)?;
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
        let DeleteClientRequest { client_id, if_match } = request.into_inner();
        let removed =
            self.operator.remove(&client_id, Precondition::if_match(&if_match), &caller).await;
        let (success, message) = removal(removed, Kind::Client)?;
        Ok(Response::new(DeleteClientResponse { success, message }))
    }

    async fn reset_client(
        &self,
        request: Request<ResetClientRequest>,
    ) -> Result<Response<ResetClientResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let ResetClientRequest { client_id, if_match } = request.into_inner();
        let reset =
            self.operator.reset(&client_id, Precondition::if_match(&if_match), &caller).await;
        let stats = if_found(reset)?;
        let found = stats.is_some();
        let stats = stats.as_ref().map(api::ClientStats::from);
        Ok(Response::new(ResetClientResponse { stats, found }))
    }

    async fn explain_client(
        &self,
        request: Request<ExplainClientRequest>,
    ) -> Result<Response<ExplainClientResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let question = QuestionDraft::from(request.into_inner());
        let explanation = self.operator.explain(question, &caller).await?;
        Ok(Response::new(ExplainClientResponse::from(&explanation)))
    }

    async fn set_limit(
        &self,
        request: Request<SetLimitRequest>,
    ) -> Result<Response<SetLimitResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let SetLimitRequest { limit, if_match, if_none_match } = request.into_inner();
        let Some(limit) = limit else {
            return Err(Status::invalid_argument("limit is required"));
        };
        let precondition = Precondition::parse(&if_match, &if_none_match)?;
        let change = self.operator.set_limit(limit.into(), precondition, &caller).await?;
        let (message, etag) = (change.to_string(), change.tag().as_str().to_owned());
        Ok(Response::new(SetLimitResponse { success: true, message, etag }))
    }

    async fn get_limit(
        &self,
        request: Request<GetLimitRequest>,
    ) -> Result<Response<GetLimitResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let limit = if_found(self.operator.limit(&request.get_ref().name, &caller))?;
        let (found, etag) = (limit.is_some(), etag(limit.as_ref()));
        let limit = limit.map(|limit| api::Limit::from(&limit.value));
        Ok(Response::new(GetLimitResponse { limit, found, etag }))
    }

    async fn get_limit_stats(
        &self,
        request: Request<GetLimitStatsRequest>,
    ) -> Result<Response<GetLimitStatsResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let request = request.get_ref();
        let (max, after) = rules::bucket_page(request)?;
        let page = bucket_page::read(&self.operator, &request.name, after.as_ref(), max, &caller);
        let page = if_found(page.await)?;
        let found = page.is_some();
        let stats = page.as_ref().map(|page| api::LimitStats::from(&page.stats));
        let next_page_token = page.and_then(|page| page.next);
        Ok(Response::new(GetLimitStatsResponse { stats, found, next_page_token }))
    }

    async fn list_limits(
        &self,
        request: Request<ListLimitsRequest>,
    ) -> Result<Response<ListLimitsResponse>, Status> {
        let limits = self.operator.limits(&Caller::of(request.extensions()));
        let ListLimitsRequest { page_size, page_token, prefix } = request.get_ref();
        let section = rules::section::<LimitName>(*page_size, page_token, prefix)?;
        let page = section.of(limits.iter(), |limit| limit.name.as_str());
        let limits = page.items.into_iter().map(api::Limit::from).collect();
        Ok(Response::new(ListLimitsResponse { limits, next_page_token: page.next }))
    }

    async fn delete_limit(
        &self,
        request: Request<DeleteLimitRequest>,
    ) -> Result<Response<DeleteLimitResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let DeleteLimitRequest { name, if_match } = request.into_inner();
        let removed =
            self.operator.remove_limit(&name, Precondition::if_match(&if_match), &caller).await;
        let (success, message) = removal(removed, Kind::Limit)?;
        Ok(Response::new(DeleteLimitResponse { success, message }))
    }

    async fn set_model(
        &self,
        request: Request<SetModelRequest>,
    ) -> Result<Response<SetModelResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let SetModelRequest { model, if_match, if_none_match } = request.into_inner();
        let Some(model) = model else {
            return Err(Status::invalid_argument("model is required"));
        };
        let precondition = Precondition::parse(&if_match, &if_none_match)?;
        let change = self.operator.set_model(model.into(), precondition, &caller).await?;
        let (message, etag) = (change.to_string(), change.tag().as_str().to_owned());
        Ok(Response::new(SetModelResponse { success: true, message, etag }))
    }

    async fn get_model(
        &self,
        request: Request<GetModelRequest>,
    ) -> Result<Response<GetModelResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let name = request.into_inner().name;
        let model = if_found(self.operator.model(&name, &caller))?;
        let (found, etag) = (model.is_some(), etag(model.as_ref()));
        let model = model.map(|model| rules::model(&name, &model.value));
        Ok(Response::new(GetModelResponse { model, found, etag }))
    }

    async fn list_models(
        &self,
        request: Request<ListModelsRequest>,
    ) -> Result<Response<ListModelsResponse>, Status> {
        let models = self.operator.models(&Caller::of(request.extensions()));
        let ListModelsRequest { page_size, page_token, prefix } = request.get_ref();
        let section = rules::section::<Name>(*page_size, page_token, prefix)?;
        let page = section.of(models.iter(), |(name, _)| name.as_str());
        let models = page.items.into_iter().map(|(name, of)| rules::model(name.as_str(), of));
        let models = models.collect();
        Ok(Response::new(ListModelsResponse { models, next_page_token: page.next }))
    }

    async fn delete_model(
        &self,
        request: Request<DeleteModelRequest>,
    ) -> Result<Response<DeleteModelResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let DeleteModelRequest { name, if_match } = request.into_inner();
        let removed =
            self.operator.remove_model(&name, Precondition::if_match(&if_match), &caller).await;
        let (success, message) = removal(removed, Kind::Model)?;
        Ok(Response::new(DeleteModelResponse { success, message }))
    }

    async fn create_key(
        &self,
        request: Request<CreateKeyRequest>,
    ) -> Result<Response<CreateKeyResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let request = request.get_ref();
        let (draft, any) = (KeyDraft::from(request), Precondition::Anything);
        let new = self.operator.create_key(&request.client_id, draft, any, &caller).await?;
        Ok(Response::new(CreateKeyResponse {
            success: true,
            message: new.to_string(),
            etag: new.tag().as_str().to_owned(),
            key: new.secret.expose().to_owned(),
            config: Some(api::Key::from(&new.key)),
        }))
    }

    async fn get_key(
        &self,
        request: Request<GetKeyRequest>,
    ) -> Result<Response<GetKeyResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let GetKeyRequest { client_id, public_part } = request.get_ref();
        let found = if_found(self.operator.key(client_id, public_part, &caller))?;
        let (is_there, etag) = (found.is_some(), etag(found.as_ref()));
        let (key, stats) = found.map(|found| found.value).unzip();
        let (key, stats) = (key.as_ref().map(api::Key::from), stats.as_ref().map(Into::into));
        Ok(Response::new(GetKeyResponse { key, found: is_there, etag, stats }))
    }

    async fn list_keys(
        &self,
        request: Request<ListKeysRequest>,
    ) -> Result<Response<ListKeysResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let ListKeysRequest { client_id, page_size, page_token, prefix } = request.get_ref();
        let keys = if_found(self.operator.keys(client_id, &caller))?;
        let (found, mut keys) = (keys.is_some(), keys.unwrap_or_default());
        // A client has 100 at most: who asks for no page is answered all, as they were made.
        let section = if (*page_size, page_token.as_str(), prefix.as_str()) == (0, "", "") {
            Section::default()
        } else {
            keys.sort_by_key(|key| key.public);
            rules::section::<PublicPart>(*page_size, page_token, prefix)?
        };
        let page = section.of(keys.iter(), |key| key.public.as_str());
        let keys = page.items.into_iter().map(api::Key::from).collect();
        Ok(Response::new(ListKeysResponse { keys, found, next_page_token: page.next }))
    }

    async fn delete_key(
        &self,
        request: Request<DeleteKeyRequest>,
    ) -> Result<Response<DeleteKeyResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let DeleteKeyRequest { client_id, public_part, if_match } = request.into_inner();
        let precondition = Precondition::if_match(&if_match);
        let removed =
            self.operator.remove_key(&client_id, &public_part, precondition, &caller).await;
        let (success, message) = removal(removed, Kind::Key)?;
        Ok(Response::new(DeleteKeyResponse { success, message }))
    }

    async fn create_token(
        &self,
        request: Request<CreateTokenRequest>,
    ) -> Result<Response<CreateTokenResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let (draft, any) = (TokenDraft::from(request.into_inner()), Precondition::Anything);
        let new = self.operator.create_token(draft, any, &caller).await?;
        Ok(Response::new(CreateTokenResponse {
            success: true,
            message: new.to_string(),
            etag: new.tag().as_str().to_owned(),
            token: new.secret.expose().to_owned(),
            config: Some(api::Token::from(&new.token)),
        }))
    }

    async fn get_token(
        &self,
        request: Request<GetTokenRequest>,
    ) -> Result<Response<GetTokenResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let found = if_found(self.operator.token(&request.get_ref().public_part, &caller))?;
        let (is_there, etag) = (found.is_some(), etag(found.as_ref()));
        let (token, last_used) = found.map(|found| found.value).unzip();
        let last_used_at = credentials::last_used_at(last_used.flatten());
        let token = token.as_ref().map(api::Token::from);
        Ok(Response::new(GetTokenResponse { token, found: is_there, etag, last_used_at }))
    }

    async fn list_tokens(
        &self,
        request: Request<ListTokensRequest>,
    ) -> Result<Response<ListTokensResponse>, Status> {
        let mut tokens = self.operator.tokens(&Caller::of(request.extensions()));
        tokens.sort_by_key(|token| token.public);
        let ListTokensRequest { page_size, page_token, prefix } = request.get_ref();
        let section = rules::section::<PublicPart>(*page_size, page_token, prefix)?;
        let page = section.of(tokens.iter(), |token| token.public.as_str());
        let tokens = page.items.into_iter().map(api::Token::from).collect();
        Ok(Response::new(ListTokensResponse { tokens, next_page_token: page.next }))
    }

    async fn delete_token(
        &self,
        request: Request<DeleteTokenRequest>,
    ) -> Result<Response<DeleteTokenResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let DeleteTokenRequest { public_part, if_match } = request.into_inner();
        let precondition = Precondition::if_match(&if_match);
        let removed = self.operator.remove_token(&public_part, precondition, &caller).await;
        let (success, message) = removal(removed, Kind::Token)?;
        Ok(Response::new(DeleteTokenResponse { success, message }))
    }

    type GetConfigStream = document::Chunks;

    async fn get_config(
        &self,
        request: Request<GetConfigRequest>,
    ) -> Result<Response<document::Chunks>, Status> {
        let caller = Caller::of(request.extensions());
        document::read(&self.operator, caller).await.map(Response::new)
    }

    async fn set_config(
        &self,
        request: Request<Streaming<SetConfigRequest>>,
    ) -> Result<Response<SetConfigResponse>, Status> {
        let caller = Caller::of(request.extensions());
        document::replace(&self.operator, &caller, request.into_inner()).await.map(Response::new)
    }

    async fn list_audit(
        &self,
        request: Request<ListAuditRequest>,
    ) -> Result<Response<ListAuditResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let ListAuditRequest { object, page_size, page_token } = request.get_ref();
        let object = Some(object).filter(|object| !object.is_empty()).cloned();
        let (max, before) = rules::audit_page(*page_size, page_token)?;
        let page = self.operator.audit(&Filter { object, before }, max, &caller).await?;
        Ok(Response::new(ListAuditResponse::from(page)))
    }

    async fn preview(
        &self,
        request: Request<Streaming<PreviewRequest>>,
    ) -> Result<Response<PreviewResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let requests = request.into_inner();
        Ok(Response::new(preview::preview(&self.operator, &caller, requests).await?))
    }

    async fn list_decisions(
        &self,
        request: Request<ListDecisionsRequest>,
    ) -> Result<Response<ListDecisionsResponse>, Status> {
        let caller = Caller::of(request.extensions());
        past::decisions(&self.operator, &caller, request.into_inner()).await.map(Response::new)
    }

    async fn get_history(
        &self,
        request: Request<GetHistoryRequest>,
    ) -> Result<Response<GetHistoryResponse>, Status> {
        let caller = Caller::of(request.extensions());
        past::history(&self.operator, &caller, request.into_inner()).await.map(Response::new)
    }

    async fn get_system(
        &self,
        request: Request<GetSystemRequest>,
    ) -> Result<Response<GetSystemResponse>, Status> {
        let system = self.operator.system(&Caller::of(request.extensions())).await?;
        Ok(Response::new(system.into()))
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

/// The tag without quotation marks; of nothing, nothing.
fn etag<T>(found: Option<&Tagged<T>>) -> String {
    found.map(|found| found.tag.as_str().to_owned()).unwrap_or_default()
}

/// Whether something was deleted, and what to say of it.
fn removal<T: ToString>(
    removed: Result<T, OperatorError>,
    kind: Kind,
) -> Result<(bool, String), Status> {
    Ok(match if_found(removed)? {
        Some(removal) => (true, removal.to_string()),
        None => (false, OperatorError::NotFound(kind).to_string()),
    })
}
