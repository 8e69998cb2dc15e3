// @ts-check
const page = document.getElementById("page");
if (page) page.textContent = "spyhole";
