// SPDX-License-Identifier: GPL-2.0
/*
 * mctp-pcc - MCTP over PCC (DMTF DSP0292), a network interface for a pair of
 * ACPI Platform Communication Channels: a type 3 (initiator) subspace for
 * packets to the platform, a type 4 (responder) subspace for packets from it.
 *
 * One PCC message carries one MCTP packet behind the extended PCC header
 * (ACPI 6.5, 14.3: signature, flags, length, command). "length" counts the
 * command and the packet; the command is the four bytes "MCTP".
 */

#include <linux/acpi.h>
#include <linux/if_arp.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/mailbox_client.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/platform_device.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/workqueue.h>

#include <acpi/acpi_io.h>
#include <acpi/pcc.h>
#include <net/mctp.h>
#include <net/mctpdevice.h>

/* "MCTP" in memory, read as the little-endian word that the field is */
#define MCTP_PCC_COMMAND	0x5054434d

/* Before the MCTP packet: struct acpi_pcct_ext_pcc_shared_memory */
#define MCTP_PCC_HDR_LEN	16

/*
 * Baseline transmission unit, 64 bytes, and the transport header (DSP0236
 * clause 8): every endpoint takes this much, so every channel must.
 */
#define MCTP_PCC_MTU_MIN	(64 + sizeof(struct mctp_hdr))

/* While the platform is slow: a whole message, 64 KiB in the smallest packets */
#define MCTP_PCC_TX_QUEUE_LEN	1100

/*
 * The PCCT's nominal latency says how long a command usually takes. Like the
 * other PCC clients we wait 500 times as long, but not less than the network
 * core's default (nothing is gained by giving up early) and not for ever.
 */
#define MCTP_PCC_LATENCY_FACTOR	500
#define MCTP_PCC_TIMEOUT_MIN	(5 * HZ)
#define MCTP_PCC_TIMEOUT_MAX	(60 * HZ)

/*
 * The change that removed PCC_ACK_FLAG_MASK made the PCC core tell the mailbox
 * core when a transmission is done. Before, as in 6.12, that is left to us; nor
 * does MCTP ask there what it is bound to. Early 6.12 did not have it yet, nor
 * does its PCC core map the memory: Kbuild knows these by the latter.
 */
#if defined(PCC_ACK_FLAG_MASK) || defined(PCC_CORE_MAPS_NOTHING)
#define MCTP_PCC_CORE_TICKS	false
#define MCTP_PCC_REGISTER(ndev)	mctp_register_netdev(ndev, NULL)
#else
#define MCTP_PCC_CORE_TICKS	true
#define MCTP_PCC_REGISTER(ndev)	\
	mctp_register_netdev(ndev, NULL, MCTP_PHYS_BINDING_PCC)
#endif

/* How often to look whether a platform that is late has completed */
#define MCTP_PCC_POLL		HZ

/**
 * struct mctp_pcc_box - one of the two channels
 * @client:	our side of the mailbox channel
 * @chan:	the channel while the interface is up, otherwise NULL
 * @shmem:	our own mapping of the shared memory. The one in @chan is of no
 *		use to a receiver: the interrupt may come before
 *		pcc_mbox_request_channel() has returned.
 * @size:	bytes of shared memory, header included
 * @id:		subspace id, the index of the PCCT entry
 * @base:	physical address of the shared memory
 * @latency:	nominal latency in microseconds
 * @complete:	command complete check register
 * @complete_mask: and the bits of it that count
 */
struct mctp_pcc_box {
	struct mbox_client client;
	struct pcc_mbox_chan *chan;
	void __iomem *shmem;
	u32 size;
	u32 id;
	u64 base;
	u32 latency;
	struct acpi_generic_address complete;
	u64 complete_mask;
};

/**
 * struct mctp_pcc - the interface
 * @ndev:	the network device this is the private part of
 * @outbox:	to the platform
 * @inbox:	from the platform
 * @tx_skb:	the packet that lies in the outbox, not yet completed. Set when
 *		the queue is stopped, cleared by the completion; when the channel
 *		is freed, whoever freed it owns the packet.
 * @tx_overdue:	the completion of @tx_skb did not come in time
 * @tx_unheard:	the platform is done with @tx_skb, and we have not heard of it
 * @tx_blocked:	the outbox is not for mctp_pcc_start_xmit(): it is not ours, or
 *		there is none. This and the two above change under the queue's
 *		lock.
 * @recover:	gets the outbox going again when it is overdue
 */
struct mctp_pcc {
	struct net_device *ndev;
	struct mctp_pcc_box outbox;
	struct mctp_pcc_box inbox;
	struct sk_buff *tx_skb;
	bool tx_overdue;
	bool tx_unheard;
	bool tx_blocked;
	struct delayed_work recover;
};

/* Interrupt context. The PCC core acknowledges when we return. */
static void mctp_pcc_rx(struct mbox_client *client, void *unused)
{
	struct mctp_pcc *mp = container_of(client, struct mctp_pcc,
					   inbox.client);
	struct acpi_pcct_ext_pcc_shared_memory __iomem *hdr = mp->inbox.shmem;
	struct net_device *ndev = mp->ndev;
	struct mctp_skb_cb *cb;
	struct sk_buff *skb;
	u32 command, length;
	size_t len;

	length = ioread32(&hdr->length);
	command = ioread32(&hdr->command);

	/* The platform's word is not trusted: length is read once, here. */
	if (command != MCTP_PCC_COMMAND) {
		DEV_STATS_INC(ndev, rx_frame_errors);
		goto bad;
	}
	if (length < sizeof(hdr->command) + sizeof(struct mctp_hdr) ||
	    length > mp->inbox.size - offsetof(typeof(*hdr), command)) {
		DEV_STATS_INC(ndev, rx_length_errors);
		goto bad;
	}

	len = length - sizeof(hdr->command);
	skb = netdev_alloc_skb(ndev, len);
	if (!skb) {
		DEV_STATS_INC(ndev, rx_dropped);
		return;
	}

	memcpy_fromio(skb_put(skb, len),
		      mp->inbox.shmem + MCTP_PCC_HDR_LEN, len);
	skb->protocol = htons(ETH_P_MCTP);
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);

	/* A channel has one other end: there are no physical addresses. */
	cb = __mctp_cb(skb);
	cb->halen = 0;

	DEV_STATS_INC(ndev, rx_packets);
	DEV_STATS_ADD(ndev, rx_bytes, MCTP_PCC_HDR_LEN + len);
	netif_rx(skb);
	return;

bad:
	DEV_STATS_INC(ndev, rx_errors);
	if (net_ratelimit())
		netdev_dbg(ndev, "bad packet: command %#x, length %u\n",
			   command, length);
}

/* Interrupt context: the platform has completed what lay in the outbox. */
static void mctp_pcc_tx_done(struct mbox_client *client, void *mssg, int status)
{
	struct mctp_pcc *mp = container_of(client, struct mctp_pcc,
					   outbox.client);
	struct net_device *ndev = mp->ndev;
	struct sk_buff *skb = mssg;

	if (status < 0) {
		DEV_STATS_INC(ndev, tx_errors);
	} else {
		DEV_STATS_INC(ndev, tx_packets);
		DEV_STATS_ADD(ndev, tx_bytes, MCTP_PCC_HDR_LEN + skb->len);
	}

	WRITE_ONCE(mp->tx_skb, NULL);
	dev_consume_skb_irq(skb);
	netif_wake_queue(ndev);
}

/* Interrupt context, and only where the PCC core does not do this itself. */
static void mctp_pcc_tick(struct mbox_client *client, void *unused)
{
	struct mctp_pcc *mp = container_of(client, struct mctp_pcc,
					   outbox.client);
	struct pcc_mbox_chan *chan = READ_ONCE(mp->outbox.chan);

	/*
	 * What was under way when the link went down may be completed while the
	 * channel is requested again: nobody waits for it any more.
	 */
	if (chan)
		mbox_chan_txdone(chan->mchan, 0);
}

static netdev_tx_t mctp_pcc_start_xmit(struct sk_buff *skb,
				       struct net_device *ndev)
{
	struct mctp_pcc *mp = netdev_priv(ndev);
	struct mctp_pcc_box *box = &mp->outbox;
	struct acpi_pcct_ext_pcc_shared_memory __iomem *hdr = box->shmem;

	/* A completion in the last moment may have woken the queue. */
	if (unlikely(mp->tx_blocked)) {
		netif_stop_queue(ndev);
		return NETDEV_TX_BUSY;
	}

	/* One command at a time: the memory is the platform's until it is done. */
	if (unlikely(READ_ONCE(mp->tx_skb)))
		return NETDEV_TX_BUSY;

	/* Packet sockets may send what MCTP itself never would. */
	if (skb->len > box->size - MCTP_PCC_HDR_LEN || skb_linearize(skb))
		goto drop;

	netif_stop_queue(ndev);
	mp->tx_overdue = false;
	mp->tx_unheard = false;
	WRITE_ONCE(mp->tx_skb, skb);

	iowrite32(PCC_SIGNATURE | box->id, &hdr->signature);
	iowrite32(PCC_CMD_COMPLETION_NOTIFY, &hdr->flags);
	iowrite32(sizeof(hdr->command) + skb->len, &hdr->length);
	iowrite32(MCTP_PCC_COMMAND, &hdr->command);
	memcpy_toio(box->shmem + MCTP_PCC_HDR_LEN, skb->data, skb->len);

	/* From here on the packet belongs to mctp_pcc_tx_done(). */
	if (mbox_send_message(box->chan->mchan, skb) >= 0)
		return NETDEV_TX_OK;

	WRITE_ONCE(mp->tx_skb, NULL);
	netif_wake_queue(ndev);
drop:
	DEV_STATS_INC(ndev, tx_dropped);
	dev_kfree_skb_any(skb);
	return NETDEV_TX_OK;
}

/* Does the outbox's memory belong to us? (ACPI 6.5, 14.5: only then write) */
static bool mctp_pcc_outbox_is_ours(struct mctp_pcc *mp)
{
	u64 value;

	if (ACPI_FAILURE(acpi_read(&value, &mp->outbox.complete)))
		return false;

	return value & mp->outbox.complete_mask;
}

static int mctp_pcc_request(struct mctp_pcc *mp, struct mctp_pcc_box *box,
			    const char *name)
{
	struct pcc_mbox_chan *chan;

	chan = pcc_mbox_request_channel(&box->client, box->id);
	if (IS_ERR(chan)) {
		netdev_err(mp->ndev, "cannot get the %s, PCC subspace %u: %pe\n",
			   name, box->id, chan);
		return PTR_ERR(chan);
	}
	WRITE_ONCE(box->chan, chan);
	return 0;
}

/*
 * What pcc_mbox_free_channel() is for, in another order. It (7.3) unmaps the
 * shared memory first and frees the interrupt then; a message that comes in
 * between makes the PCC core's handler, which looks into the memory whether to
 * ring the doorbell, crash the kernel. The pointer goes, too: 6.12 binds the
 * channel before it maps the memory again, and its handler takes NULL for "not
 * mapped yet".
 */
static void mctp_pcc_free(struct mctp_pcc_box *box)
{
	struct pcc_mbox_chan *chan = box->chan;

	if (!chan)
		return;
	mbox_free_channel(chan->mchan);
#ifndef PCC_CORE_MAPS_NOTHING
	if (chan->shmem) {
		iounmap(chan->shmem);
		chan->shmem = NULL;
	}
#endif
	WRITE_ONCE(box->chan, NULL);
}

/* Keeps mctp_pcc_start_xmit() away from the outbox, from when this returns. */
static void mctp_pcc_block(struct mctp_pcc *mp)
{
	netif_tx_lock_bh(mp->ndev);
	mp->tx_blocked = true;
	netif_stop_queue(mp->ndev);
	netif_tx_unlock_bh(mp->ndev);
}

static void mctp_pcc_unblock(struct mctp_pcc *mp)
{
	netif_tx_lock_bh(mp->ndev);
	mp->tx_blocked = false;
	netif_tx_unlock_bh(mp->ndev);
	netif_wake_queue(mp->ndev);
}

static void mctp_pcc_look_again(struct mctp_pcc *mp)
{
	/* The watchdog has spoken; from here on it is us who look. */
	netif_trans_update(mp->ndev);
	schedule_delayed_work(&mp->recover, MCTP_PCC_POLL);
}

/*
 * The outbox's completion is overdue. Either the platform still works on the
 * command: then the memory is not ours, what is sent waits in the queue, and we
 * look again later. Taking the carrier away instead would make the network core
 * drop packets that no counter shows, and cut messages of several packets short.
 * Or it is done and the interrupt was lost, or its error status kept the PCC
 * core from telling us: then the mailbox still waits for a completion that
 * nothing will bring, and only a new request of the channel ends that. An
 * interrupt that is under way has until the next look.
 */
static void mctp_pcc_recover(struct work_struct *work)
{
	struct mctp_pcc *mp = container_of(to_delayed_work(work),
					   struct mctp_pcc, recover);
	struct net_device *ndev = mp->ndev;
	bool ours, pending, reset, wanted;

	rtnl_lock();
	if (!netif_running(ndev))
		goto out;

	ours = mctp_pcc_outbox_is_ours(mp);
	netif_tx_lock_bh(ndev);
	pending = mp->tx_overdue && READ_ONCE(mp->tx_skb);
	reset = ours && pending && mp->tx_unheard;
	if (reset)
		mp->tx_blocked = true;
	else if (ours)
		mp->tx_unheard = true;
	wanted = mp->tx_blocked || pending;
	netif_tx_unlock_bh(ndev);
	if (!wanted)
		goto out; /* completed after all */

	if (reset) {
		/* No completion can come once the channel is freed. */
		mctp_pcc_free(&mp->outbox);
		if (mp->tx_skb) {
			netdev_warn(ndev, "completed without an interrupt, or with an error\n");
			DEV_STATS_INC(ndev, tx_errors);
			dev_kfree_skb_any(mp->tx_skb);
			mp->tx_skb = NULL;
		}
	}

	if (ours && mp->tx_blocked &&
	    (mp->outbox.chan || !mctp_pcc_request(mp, &mp->outbox, "outbox")))
		mctp_pcc_unblock(mp);
	else
		mctp_pcc_look_again(mp);
out:
	rtnl_unlock();
}

/* Under the queue's lock */
static void mctp_pcc_tx_timeout(struct net_device *ndev, unsigned int txqueue)
{
	struct mctp_pcc *mp = netdev_priv(ndev);

	mp->tx_overdue = true;
	schedule_delayed_work(&mp->recover, 0);
}

static int mctp_pcc_open(struct net_device *ndev)
{
	struct mctp_pcc *mp = netdev_priv(ndev);
	int rc;

	/*
	 * The outbox first: binding the inbox tells the platform that we are
	 * ready, and what it sends may have to be answered.
	 */
	rc = mctp_pcc_request(mp, &mp->outbox, "outbox");
	if (rc)
		return rc;

	/* Down while a command was under way, and up again: still not ours? */
	if (mctp_pcc_outbox_is_ours(mp))
		mctp_pcc_unblock(mp);
	else
		mctp_pcc_look_again(mp);

	rc = mctp_pcc_request(mp, &mp->inbox, "inbox");
	if (rc) {
		mctp_pcc_block(mp);
		mctp_pcc_free(&mp->outbox);
	}
	return rc;
}

static int mctp_pcc_stop(struct net_device *ndev)
{
	struct mctp_pcc *mp = netdev_priv(ndev);

	mctp_pcc_block(mp);

	/* Not _sync: the work takes the lock that we hold, then sees us down. */
	cancel_delayed_work(&mp->recover);

	mctp_pcc_free(&mp->inbox);
	mctp_pcc_free(&mp->outbox);

	if (mp->tx_skb) {
		DEV_STATS_INC(ndev, tx_dropped);
		dev_kfree_skb_any(mp->tx_skb);
		mp->tx_skb = NULL;
	}
	return 0;
}

static const struct net_device_ops mctp_pcc_netdev_ops = {
	.ndo_open = mctp_pcc_open,
	.ndo_stop = mctp_pcc_stop,
	.ndo_start_xmit = mctp_pcc_start_xmit,
	.ndo_tx_timeout = mctp_pcc_tx_timeout,
};

static void mctp_pcc_setup(struct net_device *ndev)
{
	ndev->type = ARPHRD_MCTP;
	ndev->flags = IFF_NOARP;
	ndev->hard_header_len = 0;
	ndev->addr_len = 0;
	ndev->tx_queue_len = MCTP_PCC_TX_QUEUE_LEN;
	ndev->mtu = MCTP_PCC_MTU_MIN;
	ndev->min_mtu = MCTP_PCC_MTU_MIN;
	ndev->netdev_ops = &mctp_pcc_netdev_ops;
}

/**
 * struct mctp_pcc_crs - what _CRS says
 * @count:	address descriptors seen
 * @id:		subspace ids: of the outbox, of the inbox
 */
struct mctp_pcc_crs {
	unsigned int count;
	u32 id[2];
};

static acpi_status mctp_pcc_crs_entry(struct acpi_resource *res, void *context)
{
	struct mctp_pcc_crs *crs = context;

	if (res->type != ACPI_RESOURCE_TYPE_ADDRESS32)
		return AE_OK;
	if (crs->count < ARRAY_SIZE(crs->id))
		crs->id[crs->count] = res->data.address32.address.minimum;
	crs->count++;
	return AE_OK;
}

/*
 * The PCC core tells type and size of a subspace only to the one who requests
 * it, and requesting an inbox invites the platform to send. So look into the
 * table: the interface can then know its MTU without being up.
 */
static int mctp_pcc_read_pcct(struct device *dev, struct mctp_pcc_box *box,
			      u8 type)
{
	struct acpi_pcct_ext_pcc_master *ext;
	struct acpi_subtable_header *entry;
	struct acpi_table_header *pcct;
	u32 pos = sizeof(struct acpi_table_pcct);
	unsigned int index;
	int rc = -ENODEV;

	if (ACPI_FAILURE(acpi_get_table(ACPI_SIG_PCCT, 0, &pcct)))
		return dev_err_probe(dev, -ENODEV, "there is no PCCT\n");

	for (index = 0; pos + sizeof(*entry) <= pcct->length; index++) {
		entry = (void *)pcct + pos;
		if (entry->length < sizeof(*entry) ||
		    entry->length > pcct->length - pos)
			break;
		if (index < box->id) {
			pos += entry->length;
			continue;
		}

		if (entry->type != type || entry->length < sizeof(*ext)) {
			rc = dev_err_probe(dev, -EINVAL,
					   "PCC subspace %u is of type %u, not %u\n",
					   box->id, entry->type, type);
			goto out;
		}
		/* Types 3 and 4 have one layout. */
		ext = (struct acpi_pcct_ext_pcc_master *)entry;
		box->base = ext->base_address;
		box->size = ext->length;
		box->latency = ext->latency;
		box->complete = ext->cmd_complete_register;
		box->complete_mask = ext->cmd_complete_mask;
		rc = 0;
		break;
	}

	if (rc)
		dev_err_probe(dev, rc, "the PCCT has no subspace %u\n", box->id);
	else if (box->size < MCTP_PCC_HDR_LEN + MCTP_PCC_MTU_MIN)
		rc = dev_err_probe(dev, -EINVAL,
				   "PCC subspace %u: %u bytes are too few for a packet\n",
				   box->id, box->size);
out:
	acpi_put_table(pcct);
	return rc;
}

static int mctp_pcc_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct mctp_pcc_crs crs = { };
	struct net_device *ndev;
	char name[IFNAMSIZ];
	struct mctp_pcc *mp;
	acpi_status status;
	int rc;

	status = acpi_walk_resources(ACPI_HANDLE(dev), METHOD_NAME__CRS,
				     mctp_pcc_crs_entry, &crs);
	if (ACPI_FAILURE(status) || crs.count != ARRAY_SIZE(crs.id))
		return dev_err_probe(dev, -EINVAL,
				     "_CRS names %u PCC subspaces, not 2\n",
				     crs.count);

	snprintf(name, sizeof(name), "mctppcc%u", crs.id[1]);
	ndev = alloc_netdev(sizeof(*mp), name, NET_NAME_PREDICTABLE,
			    mctp_pcc_setup);
	if (!ndev)
		return -ENOMEM;

	SET_NETDEV_DEV(ndev, dev);
	mp = netdev_priv(ndev);
	mp->ndev = ndev;
	mp->tx_blocked = true;
	INIT_DELAYED_WORK(&mp->recover, mctp_pcc_recover);

	mp->outbox.id = crs.id[0];
	mp->outbox.client.dev = dev;
	mp->outbox.client.tx_done = mctp_pcc_tx_done;
	if (!MCTP_PCC_CORE_TICKS)
		mp->outbox.client.rx_callback = mctp_pcc_tick;
	rc = mctp_pcc_read_pcct(dev, &mp->outbox,
				ACPI_PCCT_TYPE_EXT_PCC_MASTER_SUBSPACE);
	if (rc)
		goto err_free;

	mp->inbox.id = crs.id[1];
	mp->inbox.client.dev = dev;
	mp->inbox.client.rx_callback = mctp_pcc_rx;
	rc = mctp_pcc_read_pcct(dev, &mp->inbox,
				ACPI_PCCT_TYPE_EXT_PCC_SLAVE_SUBSPACE);
	if (rc)
		goto err_free;

	ndev->max_mtu = min(mp->outbox.size, mp->inbox.size) - MCTP_PCC_HDR_LEN;
	ndev->watchdog_timeo =
		clamp(nsecs_to_jiffies((u64)mp->outbox.latency *
				       NSEC_PER_USEC * MCTP_PCC_LATENCY_FACTOR),
		      MCTP_PCC_TIMEOUT_MIN, MCTP_PCC_TIMEOUT_MAX);

	/* Same attributes as the PCC core's own mapping */
	rc = -ENOMEM;
	mp->outbox.shmem = acpi_os_map_iomem(mp->outbox.base, mp->outbox.size);
	if (!mp->outbox.shmem)
		goto err_free;
	mp->inbox.shmem = acpi_os_map_iomem(mp->inbox.base, mp->inbox.size);
	if (!mp->inbox.shmem)
		goto err_unmap_outbox;

	platform_set_drvdata(pdev, mp);
	rc = MCTP_PCC_REGISTER(ndev);
	if (rc) {
		dev_err_probe(dev, rc, "cannot register %s\n", name);
		goto err_unmap_inbox;
	}

	netdev_info(ndev, "outbox PCC subspace %u, inbox %u, MTU up to %u\n",
		    mp->outbox.id, mp->inbox.id, ndev->max_mtu);
	return 0;

err_unmap_inbox:
	acpi_os_unmap_iomem(mp->inbox.shmem, mp->inbox.size);
err_unmap_outbox:
	acpi_os_unmap_iomem(mp->outbox.shmem, mp->outbox.size);
err_free:
	free_netdev(ndev);
	return rc;
}

static void mctp_pcc_remove(struct platform_device *pdev)
{
	struct mctp_pcc *mp = platform_get_drvdata(pdev);

	mctp_unregister_netdev(mp->ndev);
	cancel_delayed_work_sync(&mp->recover);
	acpi_os_unmap_iomem(mp->inbox.shmem, mp->inbox.size);
	acpi_os_unmap_iomem(mp->outbox.shmem, mp->outbox.size);
	free_netdev(mp->ndev);
}

static const struct acpi_device_id mctp_pcc_acpi_ids[] = {
	{ "DMT0001" },
	{ }
};
MODULE_DEVICE_TABLE(acpi, mctp_pcc_acpi_ids);

static struct platform_driver mctp_pcc_driver = {
	.probe = mctp_pcc_probe,
	.remove = mctp_pcc_remove,
	.driver = {
		.name = "mctp-pcc",
		.acpi_match_table = mctp_pcc_acpi_ids,
	},
};
module_platform_driver(mctp_pcc_driver);

MODULE_DESCRIPTION("MCTP over PCC (DSP0292) transport");
MODULE_AUTHOR("The pccd authors");
MODULE_LICENSE("GPL");
