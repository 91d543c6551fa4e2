/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Most of a VM's document is the same for every VM: its links and actions. For each service the text
 * around the entity's href is made once, so that writing them is a handful of copies.
 */
#include "model/out.h"

/* text holds n + 1 pieces one behind the other, piece i ending at ends[i]; the href goes in between. */
struct pieces {
	GString *text;
	uint32_t *ends;
	int n;
};

struct frame_text {
	const char *begin, *open, *close, *between, *end; /* open HREF / word close word end-of-link */
};

static const struct frame_text FRAMES[N_LINK_TEXT] = {
	[LINKS_XML] = { "", "<link href=\"", "\" rel=\"", "\"/>", "" },
	[ACTIONS_XML] = { "<actions>", "<link href=\"", "\" rel=\"", "\"/>", "</actions>" },
	[LINKS_JSON] = { "\"link\":[", "{\"href\":\"", "\",\"rel\":\"", "\"},", "]," },
	[ACTIONS_JSON] = { "\"actions\":{\"link\":[", "{\"href\":\"", "\",\"rel\":\"", "\"},", "]}," },
};

static struct pieces (*ALL)[N_LINK_TEXT]; /* by the service's index */

const char *m_link_word(const struct m_service *s, bool is_action, int i)
{
	int total = is_action ? s->n_ops : s->n_locators;

	for (int k = 0; k < total; k++) {
		bool counts = is_action ? s->ops[k]->kind == M_OP_ACTION : !s->locators[k].param;

		if (counts && i-- == 0)
			return is_action ? s->ops[k]->path : s->locators[k].path;
	}
	return NULL;
}

static void make_pieces(struct pieces *p, const struct m_service *s, enum link_text which)
{
	const struct frame_text *f = &FRAMES[which];
	bool is_action = which == ACTIONS_XML || which == ACTIONS_JSON;
	const char *word;

	p->text = g_string_new(f->begin);
	while (m_link_word(s, is_action, p->n))
		p->n++;
	p->ends = g_new(uint32_t, p->n + 1);
	for (int i = 0; i < p->n; i++) {
		word = m_link_word(s, is_action, i);
		g_string_append(p->text, f->open);
		p->ends[i] = (uint32_t)p->text->len;
		g_string_append_printf(p->text, "/%s%s%s%s", word, f->close, word, f->between);
	}
	/* JSON's last comma goes. */
	if (f->between[strlen(f->between) - 1] == ',')
		g_string_truncate(p->text, p->text->len - 1);
	g_string_append(p->text, f->end);
	p->ends[p->n] = (uint32_t)p->text->len;
}

static void make_all(void)
{
	int n = 0;

	while (M_SERVICES[n])
		n++;
	ALL = g_malloc0_n((gsize)n, sizeof(*ALL));
	for (int i = 0; i < n; i++) {
		for (int which = 0; which < N_LINK_TEXT; which++)
			make_pieces(&ALL[i][which], M_SERVICES[i], which);
	}
}

void out_links(struct out *o, const struct m_service *s, enum link_text which, const char *href, size_t href_len)
{
	static gsize done;

	if (g_once_init_enter(&done)) {
		make_all();
		g_once_init_leave(&done, 1);
	}
	const struct pieces *p = &ALL[s->index][which];
	const char *text = p->text->str;
	uint32_t at = 0;

	if (p->n == 0)
		return;
	out_need(o, p->text->len + (size_t)p->n * href_len);
	for (int i = 0; i < p->n; i++) {
		put(o, text + at, p->ends[i] - at);
		put(o, href, href_len);
		at = p->ends[i];
	}
	put(o, text + at, p->ends[p->n] - at);
}
