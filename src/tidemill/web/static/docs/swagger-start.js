// Shows this installation's own description; asks no validator elsewhere and keeps no token after the page is closed.
SwaggerUIBundle({
  docExpansion: "none",
  url: "/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
