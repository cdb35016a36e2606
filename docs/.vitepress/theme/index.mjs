// The default theme with the fonts of the reader's system, and the live demo on the front page.
import theme from "vitepress/theme-without-fonts";
import { h } from "vue";
import Live from "./Live.vue";
import "./style.css";

export default { extends: theme, Layout: () => h(theme.Layout, null, { "home-hero-after": () => h(Live) }) };
