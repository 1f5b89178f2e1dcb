// The way in. Where the page lives is known to this browser alone (its storage belongs to this port), so that
// whoever types the bare address is led there.
const inside = localStorage.getItem("redflag.base");
const words = {
  "?ended": "You are not signed in any more.",
  "?spent": "That address was used before, or is older than five minutes. Ask for a new one.",
};
document.getElementById("why").textContent = words[location.search] ?? "";
if (inside && /^\/[0-9a-f]+\/$/.test(inside)) {
  if (location.search === "") location.replace(inside);
  const link = document.getElementById("inside");
  link.href = inside;
  link.hidden = location.search === "?ended";
}
document.querySelector("form").addEventListener("submit", () => {
  const field = document.getElementById("code");
  const found = /[0-9a-f]{32}/.exec(field.value);
  if (found) field.value = found[0];
});
