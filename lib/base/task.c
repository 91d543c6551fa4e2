/* SPDX-License-Identifier: Apache-2.0 */
#include "base/task.h"

#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/fiber.h"

/* A task_run's job lies on the stack of the waiting fiber, a task_start's on the heap. */
struct job {
	struct job *next;
	void (*work)(void *);
	void *arg;
	struct loop *loop;
	void (*done)(void *arg); /* of task_start; may be NULL */
	struct waiter waiter;    /* of task_run */
	bool is_run, is_dropped;
};

struct task_pool {
	const char *name;
	int max_threads, max_queued;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wake;
	struct job *first, *last;
	int n_queued, n_idle, n_threads;
	bool is_ending;
	pthread_t *threads;
};

struct task_pool *task_pool_new(const char *name, int max_threads, int max_queued)
{
	struct task_pool *p = g_new0(struct task_pool, 1);

	p->name = name;
	p->max_threads = MAX(max_threads, 1);
	p->max_queued = MAX(max_queued, 1);
	p->threads = g_new0(pthread_t, p->max_threads);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	return p;
}

/* On the loop's thread. */
static void job_over(void *arg)
{
	struct job *j = arg;

	if (j->is_run) {
		waiter_wake(&j->waiter);
		return;
	}
	if (j->done)
		j->done(j->arg);
	g_free(j);
}

static struct job *take(struct task_pool *p)
{
	struct job *j = p->first;

	if (j) {
		p->first = j->next;
		if (!p->first)
			p->last = NULL;
		p->n_queued--;
	}
	return j;
}

static void *worker(void *arg)
{
	struct task_pool *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->is_ending) {
		struct job *j = take(p);

		if (!j) {
			p->n_idle++;
			pthread_cond_wait(&p->wake, &p->lock);
			p->n_idle--;
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		j->work(j->arg);
		loop_post(j->loop, job_over, j);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Signals are for the main thread. */
static void add_thread(struct task_pool *p)
{
	sigset_t all, before;
	char name[16];

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&p->threads[p->n_threads], NULL, worker, p) == 0) {
		snprintf(name, sizeof(name), "%s-%d", p->name, p->n_threads);
		pthread_setname_np(p->threads[p->n_threads], name);
		p->n_threads++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static int enqueue(struct task_pool *p, struct job *j, struct err *e)
{
	bool is_full;

	pthread_mutex_lock(&p->lock);
	is_full = p->n_queued >= p->max_queued + p->n_idle;
	if (!is_full && p->n_queued >= p->n_idle && p->n_threads < p->max_threads)
		add_thread(p);
	is_full = is_full || p->n_threads == 0;
	if (!is_full) {
		if (p->last)
			p->last->next = j;
		else
			p->first = j;
		p->last = j;
		p->n_queued++;
		pthread_cond_signal(&p->wake);
	}
	pthread_mutex_unlock(&p->lock);
	return is_full ? err_set(e, ERR_BUSY, "too much %s work is waiting", p->name) : 0;
}

int task_run(struct task_pool *p, void (*work)(void *), void *arg, struct err *e)
{
	struct loop *l = fiber_loop();
	const char *name = p ? p->name : "";
	struct job j = { .work = work, .arg = arg, .loop = l, .is_run = true };

	if (!l || loop_is_virtual(l)) { /* outside of a fiber (start, tests) there is nothing to hold up */
		work(arg);
		return 0;
	}
	if (enqueue(p, &j, e) < 0)
		return -1;
	waiter_wait(&j.waiter, -1);
	/* p may be gone by now. */
	return j.is_dropped ? err_set(e, ERR_CANCELLED, "%s work was cancelled", name) : 0;
}

int task_start(struct task_pool *p, struct loop *l, void (*work)(void *), void (*done)(void *), void *arg,
               struct err *e)
{
	struct job *j = g_new0(struct job, 1);

	*j = (struct job){ .work = work, .done = done, .arg = arg, .loop = l };
	if (loop_is_virtual(l)) {
		work(arg);
		loop_post(l, job_over, j);
		return 0;
	}
	if (enqueue(p, j, e) < 0) {
		g_free(j);
		return -1;
	}
	return 0;
}

void task_pool_free(struct task_pool *p)
{
	struct job *j;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->is_ending = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	while ((j = take(p))) {
		j->is_dropped = true;
		if (j->is_run)
			loop_post(j->loop, job_over, j);
		else
			g_free(j);
	}
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	g_free(p->threads);
	g_free(p);
}
