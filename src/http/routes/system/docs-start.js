// Runs in the browser: shows /docs/json with Swagger UI, which the page has loaded before.

/**
 * Swagger UI would request the audio of a response once more to play it, without key and body. This plugin plays
 * the audio that has arrived.
 */
const playWhatArrived = ({ React }) => {
  const addresses = new WeakMap()
  const addressOf = (blob) => {
    if (!addresses.has(blob)) addresses.set(blob, URL.createObjectURL(blob))
    return addresses.get(blob)
  }
  const playing = (ResponseBody) => (props) => {
    const { content, contentType, url } = props
    const plays = content instanceof Blob && /^audio\//i.test(contentType)
    return React.createElement(ResponseBody, { ...props, url: plays ? addressOf(content) : url })
  }
  return { wrapComponents: { responseBody: playing } }
}

SwaggerUIBundle({
  url: '/docs/json',
  dom_id: '#docs',
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  // Neither the document nor the keys that are entered leave this page.
  validatorUrl: null,
  persistAuthorization: false,
  plugins: [playWhatArrived],
})
