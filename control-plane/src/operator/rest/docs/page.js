// Shows the description that this server answers. No service elsewhere is asked whether it is right.
SwaggerUIBundle({
  url: "api/v1/openapi.json",
  dom_id: "#description",
  deepLinking: true,
  validatorUrl: null,
  syntaxHighlight: { activated: false },
});
