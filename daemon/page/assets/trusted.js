// The one way by which text can become markup on this page: as text. dygraphs writes the numbers at its axes
// through markup; whatever passes here is shown as it is written.
if (window.trustedTypes) {
  trustedTypes.createPolicy("default", {
    createHTML: (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`),
  });
}
